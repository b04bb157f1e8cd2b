package entra

// For the tests of the whole server.
const (
	ReuseWindow  = reuseWindow
	MaxTokenText = maxTokenText
	MaxTokenBody = maxTokenBody
)

// ErrorBody is the error reply.
type ErrorBody = entraErrorBody

// Numbers are those of the error table.
func Numbers() []int {
	numbers := make([]int, len(errorTable))
	for i, row := range errorTable {
		numbers[i] = row.number
	}
	return numbers
}
