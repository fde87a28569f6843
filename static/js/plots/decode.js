// Figures arrive with Plotly's typed arrays ({dtype, bdata, shape}); here they become rows to compute with.

const ARRAYS = {
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  f4: Float32Array,
  f8: Float64Array,
};

/** @param {unknown} value @returns {value is {dtype: string, bdata: string, shape?: string}} */
export function isPacked(value) {
  return typeof value === "object" && value !== null && typeof value.bdata === "string";
}

/** @param {string} base64 @returns {Uint8Array} by the browser's own decoder where it has one */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** @param {{dtype: string, bdata: string, shape?: string}} packed @returns a typed array, or rows of one */
export function unpack(packed) {
  const flat = new ARRAYS[packed.dtype](bytesOf(packed.bdata).buffer);
  const shape = String(packed.shape ?? flat.length).split(",").map(Number);
  if (shape.length === 1) return flat;
  const [rows, columns] = shape;
  return Array.from({ length: rows }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

/** A figure whose traces hold arrays. @param {{data: object[], layout: object}} figure */
export function decodeFigure(figure) {
  const data = figure.data.map((trace) => {
    const out = { ...trace };
    for (const key of ["x", "y", "z", "customdata"]) if (isPacked(out[key])) out[key] = unpack(out[key]);
    if (Array.isArray(out.z)) out.z = out.z.map(numbers);
    return out;
  });
  return { data, layout: figure.layout };
}

// A small figure may come with plain lists, where null stands for what JSON lacks.
function numbers(row) {
  return ArrayBuffer.isView(row) ? row : Float32Array.from(row, (value) => (value === null ? NaN : Number(value)));
}
