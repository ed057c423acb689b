/**
 * What a hostile web page tries against a daemon; a test runs it in a browser. `attack` returns what each attempt got:
 * `nothing`, `opaque` (sent, and the answer hidden), or `read` with the status or the text.
 */

/** Calls that read, and calls that change. @param {string} leaseId */
function callsOf(leaseId) {
  const grant = JSON.stringify({ name: "stolen", lifetime: { kind: "pinned" } });
  const reads = ["/", "/v1", "/v1/leases", "/v1/status", "/v1/listeners", "/v1/events", "/v1/ports/22", "/v1/proof"];
  return [
    ...reads.map((path) => ({ path, method: "GET" })),
    { path: "/v1/status", method: "HEAD" },
    { path: "/v1/leases", method: "OPTIONS" },
    ...["application/json", "text/plain", "application/x-www-form-urlencoded", undefined].map((type) => ({
      path: "/v1/leases",
      method: "POST",
      body: type === undefined ? new Blob([grant]) : grant,
      type,
    })),
    { path: `/v1/leases/${leaseId}/renew`, method: "POST", body: "{}", type: "text/plain" },
    { path: `/v1/leases/${leaseId}`, method: "DELETE" },
    { path: `/v1/leases/${leaseId}`, method: "PATCH", body: '{"labels":{"a":"b"}}', type: "application/json" },
    { path: `/v1/leases/${leaseId}/exposure`, method: "PUT", body: "{}", type: "application/json" },
    { path: "/v1/dashboard/codes", method: "POST", body: "{}", type: "application/json" },
    { path: "/v1/dashboard/sessions", method: "POST", body: '{"code":"a"}', type: "text/plain" },
    { path: "/v1/stop", method: "POST", body: "{}", type: "text/plain" },
  ];
}

/** One request in a mode of fetch. */
async function byFetch(url, { method, body, type }, mode) {
  const headers = type === undefined ? {} : { "content-type": type };
  try {
    const answer = await fetch(url, { method, mode, headers, body, credentials: "include", redirect: "follow" });
    await answer.body?.cancel();
    return answer.type === "opaque" ? "opaque" : `read ${answer.status}`;
  } catch {
    return "nothing"; // a TypeError: the browser hides the reason
  }
}

/** Resolves with the first of an element's events, and with what can then be read. */
function byElement(name, attributes, read = () => "read") {
  const { promise, resolve } = Promise.withResolvers();
  const element = document.createElement(name);
  element.onload = () => resolve(attempt(() => read(element)));
  element.onerror = () => resolve("nothing");
  Object.assign(element, attributes);
  document.body.append(element);
  return promise;
}

function attempt(read) {
  try {
    return read();
  } catch {
    return "nothing"; // a SecurityError
  }
}

/** The text of a document, if the browser lets this page see it. */
function textOf(frame) {
  const text = frame.contentDocument?.body?.textContent;
  return text === undefined ? "nothing" : `read ${text}`;
}

/** A form that sends JSON as plain text into a frame. */
async function byForm(url, method) {
  const loaded = byElement("iframe", { name: `frame${Math.random()}` }, () => "ready");
  await loaded;
  const frame = document.body.lastElementChild;
  const { promise, resolve } = Promise.withResolvers();
  frame.onload = () => resolve(attempt(() => textOf(frame)));
  const form = document.createElement("form");
  Object.assign(form, { action: url, method, enctype: "text/plain", target: frame.name });
  const field = document.createElement("input");
  Object.assign(field, { name: '{"name":"form","labels":{"a":"', value: '"}}' });
  form.append(field);
  document.body.append(form);
  form.submit();
  return await promise;
}

/** A window of its own. The test's patience bounds how long it may take. */
async function byWindow(url) {
  const opened = open(url);
  if (opened === null) return "nothing";
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const place = attempt(() => opened.location.href); // about:blank until the answer is there
    if (place === "about:blank") continue;
    const text = attempt(() => `read ${opened.document.body.textContent}`);
    opened.close();
    return text;
  }
}

function byConnection(connection) {
  const { promise, resolve } = Promise.withResolvers();
  connection.onopen = connection.onmessage = () => resolve("read");
  connection.onerror = () => resolve("nothing");
  return promise.finally(() => (connection.close ?? connection.terminate).call(connection));
}

/** Tries everything. @returns {Promise<[string, string][]>} what each attempt got */
globalThis.attack = async ({ target, leaseId }) => {
  const results = [];
  const note = async (name, outcome) => results.push([name, await outcome]);
  for (const mode of ["cors", "no-cors", "same-origin"]) {
    for (const call of callsOf(leaseId)) {
      await note(`fetch ${mode} ${call.method} ${call.path} ${call.type}`, byFetch(target + call.path, call, mode));
    }
  }
  for (const path of ["/", "/v1/leases"]) {
    const url = target + path;
    await note(`iframe ${path}`, byElement("iframe", { src: url }, textOf));
    await note(`object ${path}`, byElement("object", { data: url }, textOf));
    await note(`embed ${path}`, byElement("embed", { src: url }, textOf));
    await note(`window ${path}`, byWindow(url));
    await note(`script ${path}`, byElement("script", { src: url }));
    await note(`module ${path}`, import(url).then(() => "read", () => "nothing"));
    await note(`style ${path}`, byElement("link", { rel: "stylesheet", href: url }));
    await note(`image ${path}`, byElement("img", { src: url }));
  }
  await note("form post", byForm(`${target}/v1/leases`, "post"));
  await note("form stop", byForm(`${target}/v1/stop`, "post"));
  await note("form get", byForm(`${target}/v1/leases`, "get"));
  await note("events", byConnection(new EventSource(`${target}/v1/events`)));
  await note("socket", byConnection(new WebSocket(`${target.replace("http", "ws")}/v1/events`)));
  navigator.sendBeacon(`${target}/v1/leases`, '{"name":"beacon"}');
  return results;
};
