package entra

import (
	"fmt"
	"net/http"

	"nacsim/fakegraph/wire"
)

// An entraError is an error of the token endpoint (facts 4.3).
type entraError struct {
	status  int
	code    string // the OAuth 2.0 error
	number  int    // the AADSTS number
	message string
	// lookup says that a page about the number exists, to which the reply then leads.
	lookup bool
}

func (e *entraError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.number, e.message) }

// entraErrorBody is the error reply of Entra ID.
type entraErrorBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
}

func (a *Authority) entraError(w http.ResponseWriter, e *entraError) {
	body := entraErrorBody{
		Error: e.code, Codes: []int{e.number}, Timestamp: a.h.Now().UTC().Format("2006-01-02 15:04:05Z"),
		TraceID: w.Header().Get(wire.RequestID), CorrelationID: w.Header().Get(wire.ClientRequestID),
	}
	body.Description = e.Error() + " Trace ID: " + body.TraceID + " Correlation ID: " + body.CorrelationID + " Timestamp: " + body.Timestamp
	if e.lookup {
		body.URI = fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.number)
	}
	noStore(w)
	wire.WriteJSON(w, e.status, body)
}

// noStore marks what must not be cached (RFC 6749 section 5.1).
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
}

func errSecretWrong(clientID string) *entraError {
	return &entraError{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + clientID + "'.", true}
}

func errSecretExpired(clientID string) *entraError {
	return &entraError{http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '" + clientID + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", true}
}

func errNoCredential() *entraError {
	return &entraError{http.StatusUnauthorized, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.", true}
}

func errAssertion() *entraError {
	return &entraError{http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]", true}
}

func errAppUnknown(clientID, tenant string) *entraError {
	return &entraError{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '" + clientID + "' was not found in the directory '" + tenant + "'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", true}
}

func errTenantUnknown(tenant string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_request", 90002, "Tenant '" + tenant + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", true}
}

func errParameterMissing(name string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: '" + name + "'.", true}
}

func errGrantType(grant string) *entraError {
	return &entraError{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '" + grant + "'.", true}
}

func errScope(scope string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope " + scope + " is not valid.", false}
}

func errTwoResources(scope string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_scope", 700022, "The provided value for the input parameter scope '" + scope + "' is not valid because it contains more than one resource.", false}
}

func errResourceUnknown(resource, tenant string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named " + resource + " was not found in the tenant named " + tenant + ". This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", true}
}

func errResourceParameter() *entraError {
	return &entraError{http.StatusBadRequest, "invalid_request", 901002, "The 'resource' request parameter is not supported.", false}
}

func errNotPost(method string) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a " + method + " request.", false}
}

func errBody(err error) *entraError {
	return &entraError{http.StatusBadRequest, "invalid_request", 90023, "The request cannot be read: " + err.Error() + ".", false}
}
