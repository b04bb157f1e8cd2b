package entra

import "net/http"

// An aadsts is one row of the error table: what Entra ID says under one of its numbers (facts 4.3). Where the sources do not
// tell the status or the OAuth 2.0 error, the likelier one stands here, and nowhere else.
type aadsts struct {
	number int
	status int
	code   string // the OAuth 2.0 error
	// lookup says that a page about the number exists, to which the reply then leads.
	lookup bool
	text   string // for fmt.Sprintf
}

// Statuses, and OAuth 2.0 errors (RFC 6749 sections 4.1.2.1 and 5.2; OpenID Connect Core section 3.1.2.6).
const (
	s400, s401, s429, s503 = http.StatusBadRequest, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable

	invalidRequest      = "invalid_request"
	invalidClient       = "invalid_client"
	invalidGrant        = "invalid_grant"
	invalidScope        = "invalid_scope"
	unauthorizedClient  = "unauthorized_client"
	unsupportedResponse = "unsupported_response_type"
	temporarily         = "temporarily_unavailable"
	accessDenied        = "access_denied"
)

// errorTable is sorted by topic: requests, tenants and apps, credentials of apps, scopes, users, codes and refresh tokens,
// consent, and the service itself.
var errorTable = []aadsts{
	{900144, s400, invalidRequest, true, "The request body must contain the following parameter: '%s'."},
	{900561, s400, invalidRequest, false, "The endpoint only accepts POST requests. Received a %s request."},
	{90023, s400, invalidRequest, false, "The request cannot be read: %s."},
	{90014, s400, invalidRequest, true, "The required field is missing from the credential."},
	{9002313, s400, invalidRequest, true, "Invalid request. Request is malformed or invalid."},
	{901002, s400, invalidRequest, false, "The 'resource' request parameter is not supported."},
	{70003, s400, "unsupported_grant_type", true, "The app requested an unsupported grant type '%s'."},
	{9001023, s400, invalidRequest, true, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	{50049, s400, "invalid_instance", true, "Unknown or invalid instance."},

	{90002, s400, invalidRequest, true, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	{700016, s400, unauthorizedClient, true, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	{50011, s400, invalidRequest, true, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."},
	{700054, s400, unsupportedResponse, true, "response_type 'id_token' is not enabled for the application."},
	{70005, s400, unsupportedResponse, true, "response_type '%s' is not supported for the application."},
	{501491, s400, invalidRequest, true, "Invalid Code_Challenge parameter, or a Code_Challenge_Method that is neither 'S256' nor 'plain'."},

	{7000215, s401, invalidClient, true, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	{7000222, s401, invalidClient, true, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	{7000216, s401, invalidClient, true, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."},
	{7000218, s401, invalidClient, true, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	{700025, s401, invalidClient, true, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	{50027, s400, invalidRequest, true, "JWT token is invalid or malformed. %s"},
	{50012, s401, invalidClient, true, "Authentication failed. The client assertion is signed by the algorithm '%s', which is not supported."},
	{50013, s401, invalidClient, true, "Assertion is invalid: its issuer and subject are not the client_id '%s'."},
	{700027, s401, invalidClient, true, "%s [Reason - %s., Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]"},
	{700023, s401, invalidClient, true, "Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials."},
	{700024, s401, invalidClient, true, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s."},

	{70011, s400, invalidScope, false, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
	{700022, s400, invalidScope, false, "The provided value for the input parameter scope '%s' is not valid because it contains more than one resource."},
	{500011, s400, "invalid_resource", true, "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},

	{50034, s400, invalidGrant, true, "The user account %s does not exist in the %s directory. To sign into this application, the account must be added to the directory."},
	{50126, s400, invalidGrant, true, "Error validating credentials due to invalid username or password."},
	{50053, s400, invalidGrant, true, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},
	{50055, s400, invalidGrant, true, "The password is expired."},
	{50056, s400, invalidGrant, true, "Invalid or null password: password does not exist in the directory for this user."},
	{50057, s400, invalidGrant, true, "The user account is disabled."},
	{50076, s400, invalidGrant, true, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'."},
	{50079, s400, invalidGrant, true, "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '%s'."},
	{50058, s400, "login_required", true, "A silent sign-in request was sent but no user is signed in."},
	{165000, s400, invalidRequest, true, "Invalid Request: The request tokens do not match the user context. Begin again from the application, in one browser that keeps cookies. Failure Reasons:[%s]"},

	{54005, s400, invalidGrant, true, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	{501481, s400, invalidGrant, true, "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	{50148, s400, invalidGrant, true, "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE: one of the two is missing."},
	{500112, s401, invalidClient, true, "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code."},
	{70000, s400, invalidGrant, true, "Provided grant is invalid or malformed: it was issued to another client."},
	{70008, s400, invalidGrant, true, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	{700082, s400, invalidGrant, true, "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for %s."},
	{50173, s400, invalidGrant, true, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date (before which tokens are not valid) for this user is '%s'."},

	{65001, s400, invalidGrant, true, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource."},
	{65004, s400, accessDenied, true, "User declined to consent to access the app."},
	{90094, s400, accessDenied, true, "Admin consent is required for the permissions requested by this application, and %s is not an administrator."},

	{90055, s429, temporarily, false, "The user or administrator has exceeded the number of requests that are allowed for the tenant."},
	{90006, s503, temporarily, true, "The service is temporarily unavailable. Please retry later."},
	{90024, s503, temporarily, true, "A transient error has occurred: the request budget was exceeded. Please try again."},
	{90033, s503, temporarily, true, "A transient error has occurred. Please try again."},
}
