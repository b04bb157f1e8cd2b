import { randomUUID } from "node:crypto";

import { CryptoProvider } from "@azure/msal-node";

import { application, claims } from "./credential.mjs";
import { Person } from "./person.mjs";

// codeFlow signs a user in as a web application does: authorization code with PKCE, then the refresh token.
// Parameters: scope, redirect, user, password, decision ("accept" or "refuse" on pages that ask), response_mode.
export async function codeFlow(client, parameters) {
  const app = application(client);
  const pkce = await new CryptoProvider().generatePkceCodes();
  const [state, nonce] = [randomUUID(), randomUUID()];
  const request = { scopes: parameters.get("scope").split(" "), redirectUri: parameters.get("redirect") };
  const start = await app.getAuthCodeUrl({
    ...request, state, nonce, codeChallenge: pkce.challenge, codeChallengeMethod: "S256",
    responseMode: parameters.get("response_mode") || "query",
  });
  const person = new Person(parameters);
  const answer = await person.browse(start, request.redirectUri);
  if (answer.error) return { pages: person.pages, answer };
  if (answer.state !== state) throw new Error("the state came back changed");
  const first = await app.acquireTokenByCode({ ...request, code: answer.code, codeVerifier: pkce.verifier, state, nonce }, answer);
  const second = await app.acquireTokenSilent({ ...request, account: first.account, forceRefresh: true });
  const reused = await app.acquireTokenByCode({ ...request, code: answer.code, codeVerifier: pkce.verifier }).then(
    () => "the code worked twice", (error) => error.errorCode);
  return {
    pages: person.pages, username: first.account.username, idToken: first.idTokenClaims, accessToken: claims(first.accessToken),
    refreshed: claims(second.accessToken), renewed: second.accessToken !== first.accessToken || !second.fromCache, reused,
  };
}

// adminConsent plays an administrator who links an application to a tenant. Parameters: version (1 or 2), redirect,
// user, password, decision.
export async function adminConsent(client, parameters) {
  const redirect = parameters.get("redirect");
  const state = randomUUID();
  const start = new URL(parameters.get("version") === "2"
    ? `${client.authority}/${client.tenant}/v2.0/adminconsent` : `${client.authority}/${client.tenant}/adminconsent`);
  start.searchParams.set("client_id", client.client);
  start.searchParams.set("redirect_uri", redirect);
  start.searchParams.set("state", state);
  if (parameters.get("version") === "2") start.searchParams.set("scope", "https://graph.microsoft.com/.default");
  const person = new Person(parameters);
  const answer = await person.browse(start.href, redirect);
  return { pages: person.pages, stateKept: answer.state === state, answer };
}
