// A Person reads pages and fills in forms: a browser without scripts.
export class Person {
  cookies = new Map();
  pages = []; // titles seen

  // The parameters user, password and decision say what the person enters.
  constructor(parameters) {
    this.user = parameters.get("user");
    this.password = parameters.get("password");
    this.accepts = parameters.get("decision") !== "refuse";
  }

  // browse goes on from a URL until the application's redirect URI is next, and returns what it is given.
  async browse(start, redirect) {
    let next = { url: start, method: "GET" };
    for (let step = 0; step < 20; step++) {
      if (next.url.split(/[?#]/)[0] === redirect) return given(next);
      const reply = await this.request(next);
      const location = reply.headers.get("location");
      const page = await reply.text();
      next = location ? { url: new URL(location, next.url).href, method: "GET" } : this.submit(page, next.url, reply.status);
    }
    throw new Error(`no end of pages: ${this.pages.join(", ")}`);
  }

  async request({ url, method, body }) {
    const headers = { accept: "text/html", cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (body) headers["content-type"] = "application/x-www-form-urlencoded";
    const reply = await fetch(url, { method, body, headers, redirect: "manual" });
    for (const line of reply.headers.getSetCookie()) {
      const [pair] = line.split(";");
      this.cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return reply;
  }

  // submit fills in the form of a page, pressing the button that says what the person wants.
  submit(page, at, status) {
    const title = /<title>([^<]*)/i.exec(page)?.[1].trim() ?? "";
    this.pages.push(title);
    const form = forms(page).find((f) => f.buttons.length === 0 || this.choose(f));
    if (!form) throw new Error(`page "${title}" (${status}) has no form to go on with: ${text(page)}`);
    const values = new URLSearchParams();
    for (const input of form.inputs) {
      if (input.type === "password") values.append(input.name, this.password);
      else if (["text", "email"].includes(input.type)) values.append(input.name, this.user);
      else if (input.type !== "checkbox") values.append(input.name, input.value);
    }
    const button = this.choose(form);
    if (button?.name) values.append(button.name, button.value);
    const url = new URL(button?.action ?? form.action ?? "", at);
    if (form.method === "POST") return { url: url.href, method: "POST", body: values.toString() };
    url.search = values.toString();
    return { url: url.href, method: "GET" };
  }

  choose(form) {
    const refusals = /cancel|no\b|refuse|deny|decline|back/i;
    const wanted = form.buttons.filter((b) => refusals.test(b.label) !== this.accepts);
    return wanted[0] ?? (form.buttons.length === 1 ? form.buttons[0] : undefined);
  }
}

// given is what a redirect hands over, in the query, the fragment or the body.
function given({ url, body }) {
  const u = new URL(url);
  return Object.fromEntries([...u.searchParams, ...new URLSearchParams(u.hash.slice(1)), ...new URLSearchParams(body)]);
}

function forms(page) {
  return [...page.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, tag, inside]) => {
    const inputs = [...inside.matchAll(/<input\b([^>]*)>/gi)].map(([, a]) => attributes(a)).map((a) => ({ type: "text", value: "", ...a }));
    const buttons = [...inside.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)]
      .map(([, a, label]) => ({ value: "", ...attributes(a), label: text(label) }));
    const { action, method = "GET" } = attributes(tag);
    return {
      action, method: method.toUpperCase(),
      inputs: inputs.filter((i) => i.name && i.type !== "submit"),
      buttons: [...buttons, ...inputs.filter((i) => i.type === "submit").map((i) => ({ ...i, label: i.value }))],
    };
  });
}

function attributes(tag) {
  return Object.fromEntries([...tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)]
    .map(([, name, a, b, c]) => [name.toLowerCase(), unescaped(a ?? b ?? c ?? "")]));
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(s) {
  return s.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(decimal) : entities[name] ?? all);
}

function text(html) {
  return unescaped(html.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ").trim();
}
