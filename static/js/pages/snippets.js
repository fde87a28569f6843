// A configuration as JSON, as a call with curl, and as Python.

/** @param {object} config */
export function jsonText(config) {
  return JSON.stringify(config, null, 2);
}

/** @param {object} config @param {string} origin */
export function curlText(config, origin) {
  const body = jsonText(config).replaceAll("'", "'\\''");
  return `curl -sS ${origin}/api/v1/runs \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

/** @param {object} config */
export function pythonText(config) {
  return `import engine\n\nconfig = engine.RunConfig.from_dict(${literal(config, "")})\nresult = engine.record(config)\nprint(result.verdict)`;
}

/** A value as Python writes it. @param {unknown} value @param {string} indent of the line it starts on */
export function literal(value, indent) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  // Strings and numbers are written alike in both, with what is not ASCII escaped or left as it is.
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, inner)).join(", ")}]`;
  const lines = Object.entries(value).map(([key, one]) => `${inner}${JSON.stringify(key)}: ${literal(one, inner)},\n`);
  return lines.length ? `{\n${lines.join("")}${indent}}` : "{}";
}
