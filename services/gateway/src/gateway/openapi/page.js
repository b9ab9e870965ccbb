"use strict";
// Shows /v1/openapi.json and sends requests with it. No library, nothing from elsewhere.

const METHODS = ["get", "post", "put", "patch", "delete"];
let api;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function resolve(schema) {
  const found = schema && schema.$ref && schema.$ref.match(/^#\/components\/(\w+)\/(.+)$/);
  return found ? api.components[found[1]][found[2]] : schema;
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const choice = schema.anyOf || schema.oneOf || schema.allOf;
  if (choice) return choice.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${typeOf(schema.items) || "any"}[]`;
  return [].concat(schema.type || "any").join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

// An example value of a schema, so that a request body can be edited and not invented.
function example(schema, depth = 0) {
  schema = resolve(schema);
  if (!schema || depth > 6) return null;
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = schema.anyOf || schema.oneOf || schema.allOf;
  if (choice) return example(choice[0], depth + 1);
  if (schema.type === "object" || schema.properties) {
    const required = new Set(schema.required || []);
    return Object.fromEntries(
      Object.entries(schema.properties || {})
        .filter(([name]) => required.has(name))
        .map(([name, part]) => [name, example(part, depth + 1)]),
    );
  }
  if (schema.type === "array") return [example(schema.items, depth + 1)];
  if (schema.type === "integer" || schema.type === "number") return schema.minimum || 0;
  if (schema.type === "boolean") return false;
  return schema.type === "string" ? "" : null;
}

function fields(schema) {
  const found = resolve(schema);
  if (!found || !found.properties) return make("pre", {}, typeOf(schema));
  const required = new Set(found.required || []);
  const rows = Object.entries(found.properties).map(([name, part]) =>
    make("tr", {},
      make("td", {}, make("code", {}, name), required.has(name) ? "" : " (optional)"),
      make("td", {}, typeOf(part)),
      make("td", {}, part.description || "")));
  return make("table", {}, make("tbody", {}, ...rows));
}

function parametersOf(operation) {
  const parameters = (operation.parameters || []).map(resolve);
  const inputs = parameters.map((parameter) => ({
    parameter,
    input: make("input", { "aria-label": parameter.name, placeholder: typeOf(parameter.schema) }),
  }));
  if (!inputs.length) return { inputs, view: null };
  const rows = inputs.map(({ parameter, input }) =>
    make("tr", {},
      make("td", {}, make("code", {}, parameter.name), ` ${parameter.in}${parameter.required ? ", required" : ""}`),
      make("td", {}, input),
      make("td", {}, parameter.description || (parameter.schema || {}).description || "")));
  return { inputs, view: make("table", {}, make("tbody", {}, ...rows)) };
}

function request(method, path, inputs, body, mediaType) {
  let address = path;
  const query = new URLSearchParams();
  const headers = { Accept: "application/json" };
  for (const { parameter, input } of inputs) {
    const value = input.value.trim();
    if (!value) continue;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "header") headers[parameter.name] = value;
    // A comma separates the values of a repeatable parameter.
    else if ((parameter.schema || {}).type === "array") value.split(",").forEach((one) => query.append(parameter.name, one.trim()));
    else query.append(parameter.name, value);
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== null) headers["Content-Type"] = mediaType;
  const suffix = query.toString() ? `?${query}` : "";
  return { address: address + suffix, options: { method: method.toUpperCase(), headers, body: body === null ? undefined : body } };
}

async function send(made, output) {
  output.textContent = "…";
  output.className = "";
  try {
    const response = await fetch(made.address, made.options);
    const text = await response.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    const names = ["etag", "location", "retry-after", "tandem-watermark", "x-trace-id"];
    const headers = names.filter((name) => response.headers.get(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    output.textContent = [`${response.status} ${response.statusText}`, ...headers, "", shown].join("\n");
    output.className = response.ok ? "" : "problem";
  } catch (error) {
    output.textContent = String(error);
    output.className = "problem";
  }
}

function inside(method, path, operation) {
  const { inputs, view } = parametersOf(operation);
  const content = ((resolve(operation.requestBody) || {}).content) || {};
  const mediaType = Object.keys(content)[0];
  const schema = mediaType && content[mediaType].schema;
  const editor = mediaType ? make("textarea", { "aria-label": "request body", spellcheck: "false" }) : null;
  if (editor) editor.value = JSON.stringify(example(schema), null, 2);
  const output = make("pre", {});
  const button = make("button", { type: "button" }, "Send");
  const isStream = Object.values(operation.responses || {}).some((one) => (resolve(one).content || {})["text/event-stream"]);
  button.disabled = isStream;
  button.addEventListener("click", () => send(request(method, path, inputs, editor ? editor.value : null, mediaType), output));
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => {
    const found = resolve(answer);
    const first = Object.values(found.content || {})[0];
    return make("tr", {}, make("td", {}, status), make("td", {}, found.description || ""), make("td", {}, first ? typeOf(first.schema) : ""));
  });
  return make("div", { class: "inside" },
    make("p", {}, operation.description || ""),
    view ? make("h3", {}, "Parameters") : null, view,
    editor ? make("h3", {}, `Body, ${Object.keys(content).join(" or ")}`) : null,
    editor, editor ? fields(schema) : null,
    make("h3", {}, "Answers"), make("table", {}, make("tbody", {}, ...answers)),
    make("p", {}, button, isStream ? " a stream: use curl -N" : ""), output);
}

function show(filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const operation = item[method];
      const text = `${method} ${path} ${operation.summary || ""} ${(operation.tags || []).join(" ")}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const tag = (operation.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      const row = make("details", {},
        make("summary", {}, make("span", { class: "method" }, method.toUpperCase()),
          make("span", { class: "path" }, path), make("span", { class: "words" }, operation.summary || "")));
      row.addEventListener("toggle", () => { if (row.open && row.children.length === 1) row.append(inside(method, path, operation)); });
      groups.get(tag).push(row);
    }
  }
  const sections = [...groups.keys()].sort().map((tag) => make("section", {}, make("h2", {}, tag), ...groups.get(tag)));
  const empty = make("p", {}, "Nothing matches.");
  document.getElementById("operations").replaceChildren(...(sections.length ? sections : [empty]));
}

async function start() {
  const main = document.getElementById("operations");
  try {
    api = await (await fetch("/v1/openapi.json")).json();
  } catch (error) {
    main.replaceChildren(make("p", { class: "problem" }, `The description cannot be read: ${error}`));
    return;
  }
  document.title = `${api.info.title} API`;
  document.getElementById("about").textContent = api.info.description || "";
  const search = document.getElementById("search");
  search.addEventListener("input", () => show(search.value));
  show("");
}

start();
