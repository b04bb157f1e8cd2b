package graph

import "strings"

// A filterExpr is a node of a parsed $filter (OData 4.01 part 2, section 5.1.1, the part that clients use).
type filterExpr struct {
	// op is "and", "or", "not", a comparison ("eq", "ne", "lt", "le", "gt", "ge", "in"), or the name of a function.
	op string
	// args are the operands of and, or and not.
	args []*filterExpr
	// property and values are those of a comparison or a function.
	property string
	values   []literal
}

// A literal is a value in a $filter. Quoted tells 'x' from x; for an enumeration as in
// microsoft.graph.complianceState'compliant' typeName is what stands before the quote.
type literal struct {
	text     string
	quoted   bool
	typeName string
}

// Limits of $filter.
const (
	maxFilter      = 8 << 10
	maxFilterTerms = 200
	maxFilterDepth = 32
)

// parseFilter parses a $filter. The error says what is wrong at which position, counted from 0 as Graph does.
func parseFilter(text string) (*filterExpr, error) {
	if len(text) > maxFilter {
		return nil, refusef("The filter of %d octets is longer than %d.", len(text), maxFilter)
	}
	p := &filterParser{text: text}
	p.next()
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected("an operator or the end")
	}
	return e, nil
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenOpen
	tokenClose
	tokenComma
	tokenBad
)

type token struct {
	kind tokenKind
	at   int
	text string
	// typeName is the word that a string follows without a space.
	typeName string
}

type filterParser struct {
	text  string
	at    int
	token token
	terms int
}

func (p *filterParser) unexpected(want string) error {
	switch p.token.kind {
	case tokenEnd:
		return refusef("Syntax error at position %d in '%s': want %s.", p.token.at, p.text, want)
	case tokenBad:
		return refusef("Syntax error at position %d in '%s': %s.", p.token.at, p.text, p.token.text)
	}
	return refusef("Syntax error at position %d in '%s': '%s' where %s was expected.", p.token.at, p.text, p.token.text, want)
}

// next reads the next token.
func (p *filterParser) next() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
	start := p.at
	if start == len(p.text) {
		p.token = token{kind: tokenEnd, at: start}
		return
	}
	switch p.text[start] {
	case '(':
		p.at++
		p.token = token{kind: tokenOpen, at: start, text: "("}
	case ')':
		p.at++
		p.token = token{kind: tokenClose, at: start, text: ")"}
	case ',':
		p.at++
		p.token = token{kind: tokenComma, at: start, text: ","}
	case '\'':
		p.quoted(start, "")
	default:
		for p.at < len(p.text) && !strings.ContainsRune(" (),'", rune(p.text[p.at])) {
			p.at++
		}
		word := p.text[start:p.at]
		if p.at < len(p.text) && p.text[p.at] == '\'' {
			p.quoted(start, word)
			return
		}
		p.token = token{kind: tokenWord, at: start, text: word}
	}
}

// quoted reads a string in quotes, in which a quote is doubled.
func (p *filterParser) quoted(start int, typeName string) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		if p.text[i] != '\'' {
			b.WriteByte(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		p.at = i + 1
		p.token = token{kind: tokenString, at: start, text: b.String(), typeName: typeName}
		return
	}
	p.at = len(p.text)
	p.token = token{kind: tokenBad, at: start, text: "unterminated string literal"}
}

func (p *filterParser) word(w string) bool {
	return p.token.kind == tokenWord && strings.EqualFold(p.token.text, w)
}

func (p *filterParser) or(depth int) (*filterExpr, error)  { return p.join("or", depth, p.and) }
func (p *filterParser) and(depth int) (*filterExpr, error) { return p.join("and", depth, p.unary) }

// join parses operands joined by op; a single operand stands for itself.
func (p *filterParser) join(op string, depth int, operand func(int) (*filterExpr, error)) (*filterExpr, error) {
	first, err := operand(depth)
	if err != nil {
		return nil, err
	}
	if !p.word(op) {
		return first, nil
	}
	e := &filterExpr{op: op, args: []*filterExpr{first}}
	for p.word(op) {
		p.next()
		next, err := operand(depth)
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, next)
	}
	return e, nil
}

func (p *filterParser) unary(depth int) (*filterExpr, error) {
	if depth > maxFilterDepth {
		return nil, refusef("The filter is nested deeper than %d.", maxFilterDepth)
	}
	if p.word("not") {
		p.next()
		e, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return &filterExpr{op: "not", args: []*filterExpr{e}}, nil
	}
	if p.token.kind != tokenOpen {
		return p.comparison()
	}
	p.next()
	e, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenClose {
		return nil, p.unexpected("')'")
	}
	p.next()
	return e, nil
}

// comparison parses "property op value" or "function(property,value)", the latter with or without "eq true".
func (p *filterParser) comparison() (*filterExpr, error) {
	if p.terms++; p.terms > maxFilterTerms {
		return nil, refusef("The filter has more than %d terms.", maxFilterTerms)
	}
	if p.token.kind != tokenWord {
		return nil, p.unexpected("a property or a function")
	}
	name := p.token.text
	p.next()
	if p.token.kind == tokenOpen {
		return p.function(name)
	}
	e := &filterExpr{property: name}
	for _, op := range []string{"eq", "ne", "lt", "le", "gt", "ge", "in"} {
		if p.word(op) {
			e.op = op
		}
	}
	if e.op == "" {
		return nil, p.unexpected("a comparison operator")
	}
	p.next()
	if e.op == "in" {
		return e, p.list(e)
	}
	v, err := p.literal()
	e.values = []literal{v}
	return e, err
}

func (p *filterParser) function(name string) (*filterExpr, error) {
	p.next()
	if p.token.kind != tokenWord {
		return nil, p.unexpected("a property")
	}
	e := &filterExpr{op: strings.ToLower(name), property: p.token.text}
	p.next()
	if p.token.kind != tokenComma {
		return nil, p.unexpected("','")
	}
	p.next()
	v, err := p.literal()
	if err != nil {
		return nil, err
	}
	e.values = []literal{v}
	if p.token.kind != tokenClose {
		return nil, p.unexpected("')'")
	}
	p.next()
	if !p.word("eq") {
		return e, nil
	}
	p.next()
	switch {
	case p.word("true"):
		p.next()
		return e, nil
	case p.word("false"):
		p.next()
		return &filterExpr{op: "not", args: []*filterExpr{e}}, nil
	}
	return nil, p.unexpected("true or false")
}

// list parses the values of in.
func (p *filterParser) list(e *filterExpr) error {
	if p.token.kind != tokenOpen {
		return p.unexpected("'('")
	}
	for {
		p.next()
		v, err := p.literal()
		if err != nil {
			return err
		}
		if p.terms++; p.terms > maxFilterTerms {
			return refusef("The filter has more than %d terms.", maxFilterTerms)
		}
		e.values = append(e.values, v)
		if p.token.kind == tokenClose {
			p.next()
			return nil
		}
		if p.token.kind != tokenComma {
			return p.unexpected("',' or ')'")
		}
	}
}

func (p *filterParser) literal() (literal, error) {
	switch p.token.kind {
	case tokenString:
		v := literal{text: p.token.text, quoted: true, typeName: p.token.typeName}
		p.next()
		return v, nil
	case tokenWord:
		v := literal{text: p.token.text}
		p.next()
		return v, nil
	}
	return literal{}, p.unexpected("a value")
}
