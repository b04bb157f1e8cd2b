// Package scenario reads scenario files: the YAML files that describe a small network around a NAC, script
// what happens in it and state what must be true.
//
// [Parse] reads one file and returns a [File]: pure data, every name resolved, every default filled in and
// every part carrying the position it was written at. Nothing is executed here; package play does that.
//
// Parsing is strict, because a test that silently means something else than its author believes is worse than
// none. An unknown key, a value of the wrong type, a name that nothing defines, a duration without a unit, a
// duplicate, a step out of order, a file that is not there: each is an [Error] with file, line, column, the
// line itself and what could have stood there. All errors of a file are reported together, up to [MaxErrors].
//
// One table (table.go) says which keys there are, what they mean, what they accept and what their default is.
// The parser and the JSON Schema that [Schema] returns are both made from it, so an editor that uses the
// schema and the parser agree.
package scenario
