package house

import (
	"go/ast"
	"go/token"
	"strings"
)

// sortedAfterwards reports whether a loop does nothing but collect into one slice that the function sorts
// later: then the order in which it was filled cannot show.
func sortedAfterwards(loop *ast.RangeStmt, function *ast.BlockStmt) bool {
	target := collects(loop.Body)
	if target == "" {
		return false
	}
	found := false
	ast.Inspect(function, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Pos() > loop.End() && len(call.Args) > 0 {
			x, isName := call.Args[0].(*ast.Ident)
			found = found || isName && x.Name == target && isSort(call.Fun)
		}
		return !found
	})
	return found
}

func isSort(f ast.Expr) bool {
	s, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && (x.Name == "slices" && strings.HasPrefix(s.Sel.Name, "Sort") || x.Name == "sort")
}

// collects returns the name of the slice that is all a loop's body changes, or "".
func collects(body *ast.BlockStmt) string {
	target, other := "", false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			name := appended(n)
			other = other || name == "" || target != "" && name != target
			target = name
		case *ast.IncDecStmt, *ast.ExprStmt, *ast.ReturnStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
			other = true
		case *ast.BranchStmt:
			other = other || n.Tok != token.CONTINUE
		}
		return true
	})
	if other {
		return ""
	}
	return target
}

// appended returns x of a statement x = append(x, …), or "".
func appended(a *ast.AssignStmt) string {
	if len(a.Lhs) != 1 || len(a.Rhs) != 1 {
		return ""
	}
	to, ok := a.Lhs[0].(*ast.Ident)
	if !ok {
		return ""
	}
	call, ok := a.Rhs[0].(*ast.CallExpr)
	if !ok || len(call.Args) < 2 {
		return ""
	}
	f, isName := call.Fun.(*ast.Ident)
	from, isSlice := call.Args[0].(*ast.Ident)
	if !isName || f.Name != "append" || !isSlice || from.Name != to.Name {
		return ""
	}
	return to.Name
}
