package entra

// For the tests of the whole server.
const (
	ReuseWindow  = reuseWindow
	MaxTokenText = maxTokenText
	MaxTokenBody = maxTokenBody
)

// ErrorBody is the error reply.
type ErrorBody = entraErrorBody
