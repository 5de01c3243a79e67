// Regular expressions with Unicode classes (\p{L}), which the engine does not know: their classes are written out.

const CALL = /\bnew RegExp\(\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*`)\s*,\s*"([a-z]*)"\s*\)/g;
const UNICODE_CLASS = /\\[pP]\{/;

/** Rewrites all calls of RegExp with a literal pattern that has such a class. */
export function rewriteRegExps(code, rewritePattern) {
  const warnings = [];
  if (!UNICODE_CLASS.test(code)) return { code, warnings };
  const rewritten = code.replace(CALL, (call, literal, flags) => {
    const pattern = valueOf(literal);
    if (pattern === undefined || !UNICODE_CLASS.test(pattern) || !/[uv]/.test(flags)) return call;
    try {
      const plain = rewritePattern(pattern, flags, { unicodePropertyEscapes: "transform", unicodeSetsFlag: "transform" });
      return `new RegExp(${JSON.stringify(plain)}, ${JSON.stringify(flags.replace("v", "u"))})`;
    } catch (error) {
      warnings.push(`the regular expression /${pattern}/${flags} cannot be rewritten for the engine: ${error.message}`);
      return call;
    }
  });
  return { code: rewritten, warnings };
}

/** The text that a literal stands for. */
function valueOf(literal) {
  try {
    // A string literal of JavaScript, found by the expression above: it cannot do anything.
    return Function(`"use strict"; return ${literal};`)();
  } catch {
    return undefined;
  }
}
