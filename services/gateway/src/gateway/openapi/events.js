"use strict";
// Shows /v1/asyncapi.json: topics, events, fields and examples, in English or Chinese. No library, nothing from elsewhere.

const WORDS = {
  en: {
    other: "中文", filter: "Filter by type, topic or field", partners: "only what partners may send", none: "Nothing matches.",
    key: "key", owner: "written by", readers: "read by", retention: "kept", partitions: "partitions", fields: "Fields",
    example: "Example", optional: "optional", byDefault: "default", sent: "partners may send it", headers: "Headers",
  },
  zh: {
    other: "English", filter: "按类型、主题或字段筛选", partners: "仅合作方可发送的", none: "没有匹配项。",
    key: "键", owner: "写入者", readers: "读取者", retention: "保留", partitions: "分区数", fields: "字段",
    example: "示例", optional: "可选", byDefault: "默认", sent: "合作方可发送", headers: "消息头",
  },
};
let api;
let language = navigator.language.startsWith("zh") ? "zh" : "en";

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The text of a node in the reader's language; where there is no Chinese, English.
const said = (node, name) => (language === "zh" && node[`x-${name}-zh`]) || node[name] || "";

function resolve(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((found, step) => found[step], api);
}

// Beside a reference nothing may stand, so a described reference is an allOf of one.
const bare = (schema) => resolve(schema.allOf && schema.allOf.length === 1 ? schema.allOf[0] : schema);

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  const found = bare(schema);
  if ("const" in found) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (found.type === "array") return `${typeOf(found.items)}[]`;
  if (found.properties) return found.title || "object";
  const limits = [["minimum", "≥"], ["exclusiveMinimum", ">"], ["maximum", "≤"], ["maxLength", "≤"]]
    .filter(([name]) => name in found).map(([name, sign]) => `${sign} ${found[name]}`);
  return [found.type || "any", found.format, found.pattern, ...limits].filter(Boolean).join(" ");
}

// The fields of an event are those of its data; the envelope around them is the same for all.
function dataOf(message) {
  const parts = resolve(message.payload).allOf || [];
  const own = parts.map((part) => (part.properties || {}).data).find(Boolean);
  return resolve(own || parts[0] || message.payload);
}

// The structures that a field holds, itself or as items or alternatives, to be shown beneath it.
function inside(schema) {
  if (schema.anyOf) return schema.anyOf.flatMap(inside);
  const found = bare(schema);
  if (found.type === "array") return inside(found.items);
  return found.properties ? [found] : [];
}

function rows(schema, path, depth) {
  const required = new Set(schema.required || []);
  return Object.entries(schema.properties || {}).flatMap(([name, field]) => {
    const words = WORDS[language];
    const notes = [language === "zh" ? field["x-label-zh"] : "", field.description || ""];
    if (!required.has(name)) notes.push(words.optional);
    if ("default" in field && field.default !== null) notes.push(`${words.byDefault} ${JSON.stringify(field.default)}`);
    const row = make("tr", {}, make("td", {}, make("code", {}, path + name)), make("td", {}, typeOf(field)),
      make("td", {}, notes.filter(Boolean).join(language === "zh" ? "；" : "; ")));
    const deeper = depth < 4 ? inside(field).flatMap((part) => rows(part, `${path}${name}.`, depth + 1)) : [];
    return [row, ...deeper];
  });
}

function eventView(message) {
  const words = WORDS[language];
  const parts = [make("p", {}, said(message, "summary"), " ", language === "en" ? message.description || "" : "")];
  if (message["x-from-partners"]) parts.push(make("p", { class: "words" }, words.sent));
  parts.push(make("h3", {}, words.fields),
    make("table", {}, make("tbody", {}, ...rows(dataOf(message), "", 0))));
  for (const example of message.examples || []) {
    const headers = Object.entries(example.headers || {}).map(([name, value]) => `${name}: ${value}`);
    parts.push(make("h3", {}, `${words.example} ${example.name}`),
      make("pre", {}, [...headers, ...(headers.length ? [""] : []), JSON.stringify(example.payload, null, 2)].join("\n")));
  }
  return make("div", { class: "inside" }, ...parts);
}

function eventRow(message) {
  const row = make("details", {}, make("summary", {}, make("span", { class: "path" }, message.name),
    make("span", { class: "words" }, language === "zh" ? message["x-title-zh"] : message.title)));
  row.addEventListener("toggle", () => { if (row.open && row.children.length === 1) row.append(eventView(message)); });
  return row;
}

function facts(channel) {
  const words = WORDS[language];
  const kafka = (channel.bindings || {}).kafka || {};
  return [[words.key, channel["x-key"]], [words.owner, channel["x-owner"]], [words.readers, (channel["x-readers"] || []).join(", ")],
    [words.retention, channel["x-retention"]], [words.partitions, kafka.partitions]]
    .filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join(" · ");
}

function show() {
  const words = WORDS[language];
  const wanted = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const onlyPartners = document.getElementById("partners").checked;
  const sections = Object.values(api.channels).map((channel) => {
    const messages = Object.values(channel.messages).map(resolve)
      .filter((message) => !onlyPartners || message["x-from-partners"])
      .filter((message) => {
        const fields = JSON.stringify(Object.keys(dataOf(message).properties || {}));
        const text = `${channel.address} ${message.name} ${message.title} ${message["x-title-zh"]} ${fields}`.toLowerCase();
        return wanted.every((word) => text.includes(word));
      });
    if (!messages.length) return null;
    return make("section", {}, make("h2", {}, said(channel, "title")), make("p", {}, make("code", {}, channel.address), " ", said(channel, "description")),
      make("p", { class: "words" }, facts(channel)), ...messages.map(eventRow));
  }).filter(Boolean);
  document.getElementById("channels").replaceChildren(...(sections.length ? sections : [make("p", {}, words.none)]));
}

function speak() {
  const words = WORDS[language];
  document.documentElement.lang = language;
  document.title = document.getElementById("title").textContent = said(api.info, "title");
  document.getElementById("about").textContent = said(api.info, "description");
  document.getElementById("search").placeholder = words.filter;
  document.getElementById("partners-label").textContent = words.partners;
  document.getElementById("language").textContent = words.other;
  show();
}

async function start() {
  try {
    api = await (await fetch("/v1/asyncapi.json")).json();
  } catch (error) {
    document.getElementById("channels").replaceChildren(make("p", { class: "problem" }, `The description cannot be read: ${error}`));
    return;
  }
  document.getElementById("search").addEventListener("input", show);
  document.getElementById("partners").addEventListener("change", show);
  document.getElementById("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; speak(); });
  speak();
}

start();
