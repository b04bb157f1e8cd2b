import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import { ConfidentialClientApplication } from "@azure/msal-node";

export const graphScope = "https://graph.microsoft.com/.default";

// application is MSAL's confidential client, made once, as a program does.
export function application(client) {
  if (client.application) return client.application;
  const auth = {
    clientId: client.client,
    authority: `${client.authority.replace(/\/$/, "")}/${client.tenant}`,
    knownAuthorities: [new URL(client.authority).host],
  };
  if (client.certificate) {
    const pem = readFileSync(client.certificate, "utf8");
    const certificate = new X509Certificate(pem);
    auth.clientCertificate = {
      thumbprintSha256: certificate.fingerprint256.replaceAll(":", ""),
      privateKey: createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }),
    };
  } else {
    auth.clientSecret = client.secret;
  }
  client.application = new ConfidentialClientApplication({ auth });
  return client.application;
}

// token gets a token, then asks the library's cache. Parameter: scope.
export async function token(client, parameters) {
  const scopes = [parameters.get("scope") || graphScope];
  const first = await application(client).acquireTokenByClientCredential({ scopes });
  const second = await application(client).acquireTokenByClientCredential({ scopes });
  return issued(first, second.fromCache && first.accessToken === second.accessToken);
}

// password gets a token for a user with the resource owner password grant. Parameters: user, password, scope.
export async function password(client, parameters) {
  const result = await application(client).acquireTokenByUsernamePassword({
    scopes: [parameters.get("scope")],
    username: parameters.get("user"),
    password: parameters.get("password"),
  });
  return { claims: claims(result.accessToken), username: result.account.username };
}

function issued(result, cached) {
  return {
    claims: claims(result.accessToken),
    lifetime: Math.round((result.expiresOn.getTime() - Date.now()) / 1000),
    cached,
  };
}

// claims reads a token, which only Graph should do; here it is what the test is about.
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

// accessToken is for microsoft-graph-client.
export async function accessToken(client) {
  return (await application(client).acquireTokenByClientCredential({ scopes: [graphScope] })).accessToken;
}
