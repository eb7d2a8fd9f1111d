// The API's description as a page: each operation with its fields, and a form that sends it with the page's own sign-in.
const METHODS = ["get", "post", "put", "delete"];

/** An element with its attributes and children; text is never read as HTML. */
function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function resolved(api, schema) {
  if (!schema?.$ref) return schema ?? {};
  return api.components.schemas[schema.$ref.split("/").at(-1)] ?? {};
}

function typeOf(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" or ");
  if ("const" in schema) return JSON.stringify(schema.const);
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return several.map((each) => typeOf(api, each)).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(api, schema.items) || "values"}`;
  return schema.type ?? "any";
}

function fieldTable(api, schema) {
  const { properties = {}, required = [] } = resolved(api, schema);
  const rows = Object.entries(properties).map(([name, field]) =>
    element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)), element("td", {}, typeOf(api, field)), element("td", {}, required.includes(name) ? "required" : ""), element("td", {}, field.description ?? "")),
  );
  return element("table", {}, element("tbody", {}, ...rows));
}

function parameterTable(parameters) {
  const rows = parameters.map((each) => element("tr", {}, element("th", { scope: "row" }, element("code", {}, each.name)), element("td", {}, `in ${each.in}`), element("td", {}, each.required ? "required" : ""), element("td", {}, each.description ?? each.schema?.description ?? "")));
  return element("table", {}, element("tbody", {}, ...rows));
}

function form(method, path, parameters, hasBody) {
  const inputs = parameters.map((each) => [each, element("input", { placeholder: each.name, ariaLabel: each.name })]);
  const body = element("textarea", { rows: 3, value: "{}", ariaLabel: "JSON body" });
  const answer = element("pre", { hidden: true, tabIndex: 0 });
  const send = async () => {
    const query = new URLSearchParams();
    let url = path;
    const headers = hasBody ? { "Content-Type": "application/json" } : {};
    for (const [each, input] of inputs) {
      if (each.in === "path") url = url.replace(`{${each.name}}`, encodeURIComponent(input.value));
      else if (input.value && each.in === "query") query.set(each.name, input.value);
      else if (input.value) headers[each.name] = input.value;
    }
    const response = await fetch(`${url}${query.size ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body: hasBody ? body.value : undefined });
    const text = await response.text();
    answer.hidden = false;
    try {
      answer.textContent = `${response.status}\n${JSON.stringify(JSON.parse(text), null, 2)}`;
    } catch {
      answer.textContent = `${response.status}\n${text}`;
    }
  };
  const button = element("button", { type: "button", onclick: () => void send() }, "Send");
  return element("div", {}, element("h3", {}, "Send"), ...inputs.map(([, input]) => input), ...(hasBody ? [body] : []), button, answer);
}

function operationOf(api, method, path, operation) {
  const parameters = (operation.parameters ?? []).filter((each) => each.in !== "cookie");
  const asked = operation.requestBody?.content?.["application/json"]?.schema;
  const [status, success] = Object.entries(operation.responses).find(([code]) => code.startsWith("2")) ?? [];
  const answered = success?.content?.["application/json"]?.schema;
  const one = answered?.anyOf ?? (answered ? [answered] : []);
  const parts = [element("p", {}, operation.description ?? "")];
  if (parameters.length) parts.push(element("h3", {}, "Parameters"), parameterTable(parameters));
  for (const each of asked?.anyOf?.filter((part) => part.$ref) ?? (asked ? [asked] : [])) parts.push(element("h3", {}, `Body: ${typeOf(api, each)}`), fieldTable(api, each));
  for (const each of one) parts.push(element("h3", {}, `Answer ${status}: ${typeOf(api, each)}`), fieldTable(api, each));
  if (!path.includes("/stream")) parts.push(form(method, path, parameters, Boolean(asked)));
  const made = element("details", {}, element("summary", {}, element("b", {}, method.toUpperCase()), element("code", {}, path), ` ${operation.summary ?? ""}`), element("div", { className: "body" }, ...parts));
  made.dataset.words = `${method} ${path} ${operation.summary} ${operation.description ?? ""}`.toLowerCase();
  made.dataset.tag = operation.tags?.[0] ?? "operations";
  return made;
}

function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, methods]) => METHODS.filter((method) => methods[method]).map((method) => operationOf(api, method, path, methods[method])));
}

async function show() {
  const main = document.getElementById("operations");
  const response = await fetch("/api/v1/openapi.json");
  if (!response.ok) {
    main.replaceChildren(element("p", {}, `The description did not come (status ${response.status}): is the engine running?`));
    return;
  }
  const operations = operationsOf(await response.json());
  const sections = Map.groupBy(operations, (each) => each.dataset.tag);
  main.replaceChildren(...[...sections].map(([tag, of]) => element("section", {}, element("h2", {}, tag), ...of)));
  document.getElementById("find").addEventListener("input", (event) => {
    const word = event.target.value.trim().toLowerCase();
    for (const each of operations) each.hidden = !each.dataset.words.includes(word);
    for (const section of main.children) section.hidden = [...section.querySelectorAll("details")].every((each) => each.hidden);
  });
}

void show();
