// Renders the server's OpenAPI document. It builds the page with DOM calls only, so nothing in the document can become markup.
"use strict";

const zh = (navigator.language || "").startsWith("zh");
const words = zh
  ? { parameters: "参数", body: "请求体", responses: "响应", schemas: "数据结构", name: "名称", where: "位置", type: "类型", about: "说明", required: "必填", public: "无需登录", failed: "无法读取 OpenAPI 文档", intro: "OpenAPI 文档" }
  : { parameters: "Parameters", body: "Request body", responses: "Responses", schemas: "Schemas", name: "Name", where: "In", type: "Type", about: "Description", required: "required", public: "no sign-in needed", failed: "The OpenAPI document cannot be read", intro: "OpenAPI document" };

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  for (const c of children) if (c !== null && c !== undefined) e.append(c);
  return e;
}

function refName(ref) { return ref.slice(ref.lastIndexOf("/") + 1); }

// typeOf gives the type of a schema as nodes: text, and links to named schemas.
function typeOf(schema) {
  if (!schema) return ["any"];
  if (schema.$ref) return [el("a", { href: "#schema-" + refName(schema.$ref) }, refName(schema.$ref))];
  const types = [].concat(schema.type || "any").filter((t) => t !== "null");
  if (types.includes("array")) return [...typeOf(schema.items), "[]"];
  if (types.includes("object") && schema.additionalProperties && typeof schema.additionalProperties === "object")
    return ["map of ", ...typeOf(schema.additionalProperties)];
  let text = types.join(" or ");
  if (schema.format) text += " (" + schema.format + ")";
  if (schema.enum) text = schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  return [text];
}

function limits(schema) {
  const out = [];
  for (const k of ["default", "minimum", "maximum", "minLength", "maxLength", "pattern"])
    if (schema && schema[k] !== undefined) out.push(k + " " + JSON.stringify(schema[k]));
  return out.join(", ");
}

function table(heads, rows) {
  const t = el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((h) => el("th", {}, h)))));
  const body = el("tbody");
  for (const row of rows) body.append(el("tr", {}, ...row.map((cell) => el("td", {}, ...[].concat(cell)))));
  t.append(body);
  return t;
}

function properties(schema) {
  const rows = Object.entries(schema.properties || {}).filter(([, p]) => !p.writeOnly).map(([name, p]) => [
    el("code", {}, name), typeOf(p),
    [(schema.required || []).includes(name) ? words.required + ". " : "", p.description || "", limits(p) ? " (" + limits(p) + ")" : ""],
  ]);
  return rows.length ? table([words.name, words.type, words.about], rows) : el("p", {}, ...typeOf(schema));
}

function content(c) {
  return Object.entries(c || {}).map(([type, media]) => el("p", {}, el("code", {}, type), ": ", ...typeOf(media.schema)));
}

function operation(path, method, op) {
  const d = el("details", { class: "op", id: op.operationId }, el("summary", {},
    el("span", { class: "method " + method }, method), el("span", { class: "path" }, path), el("span", { class: "summary" }, op.summary || "")));
  const box = el("div");
  if (op.description) box.append(el("p", {}, op.description));
  if (op.security && op.security.length === 0) box.append(el("p", { class: "muted" }, words.public));
  if (op.parameters && op.parameters.length)
    box.append(el("h4", {}, words.parameters), table([words.name, words.where, words.type, words.about], op.parameters.map((p) => [
      el("code", {}, p.name), p.in, typeOf(p.schema),
      [p.required ? words.required + ". " : "", p.description || "", limits(p.schema) ? " (" + limits(p.schema) + ")" : ""]])));
  if (op.requestBody) box.append(el("h4", {}, words.body), ...content(op.requestBody.content));
  box.append(el("h4", {}, words.responses));
  for (const [status, r] of Object.entries(op.responses || {})) {
    box.append(el("p", {}, el("strong", {}, status), " ", r.description || ""), ...content(r.content));
  }
  d.append(box);
  return d;
}

function render(doc) {
  const main = document.getElementById("main"), contents = document.getElementById("contents");
  document.getElementById("state").replaceWith(el("p", {}, doc.info.description || "", " ",
    el("a", { href: "/api/openapi.json" }, words.intro), " · ", doc.info.version));
  const sections = new Map();
  for (const tag of doc.tags || []) sections.set(tag.name, []);
  for (const [path, item] of Object.entries(doc.paths))
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["Other"])[0];
      if (!sections.has(tag)) sections.set(tag, []);
      sections.get(tag).push(operation(path, method.toUpperCase(), item[method]));
    }
  for (const [tag, ops] of sections) {
    contents.append(el("a", { href: "#tag-" + tag }, tag));
    main.append(el("section", {}, el("h2", { id: "tag-" + tag }, tag), ...ops));
  }
  contents.append(el("a", { href: "#schemas" }, words.schemas));
  const schemas = el("section", {}, el("h2", { id: "schemas" }, words.schemas));
  for (const [name, schema] of Object.entries(doc.components.schemas))
    schemas.append(el("details", { class: "op", id: "schema-" + name }, el("summary", {}, el("code", {}, name)), el("div", {}, schema.description ? el("p", {}, schema.description) : null, properties(schema))));
  main.append(schemas);
}

// reveal opens what the address points to, also when a filter hides it.
function reveal() {
  const e = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!e) return;
  e.hidden = false;
  if (e.tagName === "DETAILS") e.open = true;
  e.scrollIntoView();
}

document.getElementById("filter").addEventListener("input", (event) => {
  const want = event.target.value.trim().toLowerCase();
  for (const op of document.querySelectorAll("details.op"))
    op.hidden = want !== "" && !op.firstChild.textContent.toLowerCase().includes(want);
});
addEventListener("hashchange", reveal);

fetch("/api/openapi.json").then((r) => {
  if (!r.ok) throw new Error(r.status + " " + r.statusText);
  return r.json();
}).then((doc) => { render(doc); reveal(); }).catch((err) => {
  document.getElementById("state").textContent = words.failed + ": " + err.message;
});
