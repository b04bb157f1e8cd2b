import { BatchRequestContent, BatchResponseContent, Client, PageIterator } from "@microsoft/microsoft-graph-client";

import { accessToken } from "./credential.mjs";

const collection = "/deviceManagement/managedDevices";

// graph is the Graph client, made once.
function graph(client) {
  if (client.graphClient) return client.graphClient;
  const base = new URL(client.graph);
  client.graphClient = Client.init({
    baseUrl: base.origin + "/",
    defaultVersion: base.pathname.slice(1),
    customHosts: new Set([base.hostname]),
    authProvider: (done) => accessToken(client).then((token) => done(null, token), (error) => done(error, null)),
  });
  return client.graphClient;
}

function device(d) {
  return {
    id: d.id ?? null, name: d.deviceName ?? null, wifi: d.wiFiMacAddress ?? null, ethernet: d.ethernetMacAddress ?? null,
    state: d.complianceState ?? null, management: d.managementState ?? null, user: d.userPrincipalName ?? null,
    os: d.operatingSystem ?? null, lastSync: d.lastSyncDateTime ?? null,
  };
}

function query(request, parameters) {
  for (const name of ["$select", "$filter", "$top", "$count", "$orderby"]) {
    if (parameters.has(name)) request.query({ [name]: parameters.get(name) });
  }
  return request;
}

// list walks managedDevices with the page iterator. Parameters: $select, $filter, $top, $count, $orderby; most is the
// number of devices after which the program stops of its own accord.
export async function list(client, parameters) {
  const most = Number(parameters.get("most"));
  const first = await query(graph(client).api(collection), parameters).get();
  const firstPage = first.value.length;
  const seen = [];
  const pages = new PageIterator(graph(client), first, (d) => seen.push(device(d)) !== most);
  await pages.iterate();
  return { devices: seen, firstPage, count: first["@odata.count"] ?? null };
}

// get reads one device. Parameters: id, $select.
export async function get(client, parameters) {
  return device(await query(graph(client).api(`${collection}/${parameters.get("id")}`), parameters).get());
}

// policyStates reads a device's compliance policies: name to state. Parameter: id.
export async function policyStates(client, parameters) {
  const states = await graph(client).api(`${collection}/${parameters.get("id")}/deviceCompliancePolicyStates`).get();
  return Object.fromEntries(states.value.map((s) => [s.displayName, s.state]));
}

// batch reads devices by JSON batching. Parameters: id, any number of them; $select.
export async function batch(client, parameters) {
  const select = parameters.has("$select") ? "?$select=" + parameters.get("$select") : "";
  const ids = parameters.getAll("id");
  const steps = ids.map((id, i) => ({ id: String(i + 1), request: new Request(`${new URL(client.graph).origin}${collection}/${id}${select}`) }));
  const content = await new BatchRequestContent(steps).getContent();
  const replies = new BatchResponseContent(await graph(client).api("/$batch").post(content));
  const items = [];
  for (const [i, id] of ids.entries()) {
    const reply = replies.getResponseById(String(i + 1));
    if (!reply) throw new Error(`no reply to ${id} in the batch`);
    const body = await reply.json();
    const item = { id, status: reply.status };
    if (reply.ok) item.device = device(body);
    else item.error = { status: reply.status, code: body.error.code, message: body.error.message };
    items.push(item);
  }
  return items;
}

// sync asks a device to check in. Parameter: id.
export async function sync(client, parameters) {
  await graph(client).api(`${collection}/${parameters.get("id")}/syncDevice`).post(null);
  return "done";
}

// retire retires a device. Parameter: id.
export async function retire(client, parameters) {
  await graph(client).api(`${collection}/${parameters.get("id")}/retire`).post(null);
  return "done";
}

// raw sends a GET to a path below the base URL. Parameter: path.
export async function raw(client, parameters) {
  return graph(client).api(parameters.get("path")).get();
}

// control is no case of the libraries': it asks the control API of fakegraph between two cases, without a token.
// Parameters: path, body.
export async function control(client, parameters) {
  const reply = await fetch(new URL("/control" + parameters.get("path"), client.graph), { method: "POST", body: parameters.get("body") || undefined });
  if (!reply.ok) throw new Error(`the control API answers ${reply.status}: ${await reply.text()}`);
  return "done";
}
