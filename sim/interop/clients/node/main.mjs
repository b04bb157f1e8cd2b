// Asks Entra ID and Microsoft Graph with Microsoft's own JavaScript libraries (msal-node, microsoft-graph-client) and
// prints what they made of the replies: one JSON object a case, on a line of its own. It judges nothing.
//
//   node main.mjs [-authority URL] [-graph URL] -tenant T -client C [-secret S | -certificate FILE] CASE...
//
// A case is a name and parameters written as a query: "list?$select=id,deviceName&$top=2". The Go program beside this
// one takes the same arguments and prints the same objects.
import * as credential from "./credential.mjs";
import * as devices from "./devices.mjs";
import * as signin from "./signin.mjs";

const scenarios = {
  msal: credential.token,
  password: credential.password,
  list: devices.list,
  get: devices.get,
  states: devices.policyStates,
  batch: devices.batch,
  sync: devices.sync,
  retire: devices.retire,
  raw: devices.raw,
  control: devices.control,
  signin: signin.codeFlow,
  adminconsent: signin.adminConsent,
};

// failure takes an error apart as a program that uses the libraries does.
function failure(error) {
  const status = error.statusCode > 0 ? error.statusCode : error.status; // GraphError; MSAL's ServerError
  const code = error.code || error.errorCode;
  return { status: status || undefined, code: code || undefined, message: String(error.message || error) };
}

async function run(client, text) {
  const began = performance.now();
  const report = { case: text };
  try {
    const mark = text.indexOf("?");
    const name = mark < 0 ? text : text.slice(0, mark);
    if (!Object.hasOwn(scenarios, name)) throw new Error(`no case "${name}"`);
    report.result = await scenarios[name](client, new URLSearchParams(mark < 0 ? "" : text.slice(mark)));
  } catch (error) {
    report.error = failure(error);
  }
  report.seconds = (performance.now() - began) / 1000;
  return report;
}

const client = { authority: "https://login.microsoftonline.com", graph: "https://graph.microsoft.com/v1.0" };
const args = process.argv.slice(2);
while (args.length > 0 && args[0].startsWith("-")) {
  client[args.shift().slice(1)] = args.shift();
}
for (const text of args) {
  console.log(JSON.stringify(await run(client, text)));
}
