// Arithmetic: + - * / ^, parentheses, signs and decimal numbers, with the usual precedence.
//
//     sum     = product (("+" | "-") product)*
//     product = signed (("*" | "/") signed)*
//     signed  = ("+" | "-") signed | power
//     power   = atom ("^" signed)?
//     atom    = number | "(" sum ")"

/** How deep an expression may nest. */
const MAX_DEPTH = 64;

/** The value of an expression. The model reads what is wrong with it; positions count characters from 1. */
export function evaluate(expression: string): number {
  const parser = new Parser([...expression]);
  const value = parser.sum();
  parser.end();
  return value;
}

/** A value as people write it: to 15 significant digits, which hides the noise of binary fractions. */
export function display(value: number): string {
  return String(Number.isSafeInteger(value) ? value + 0 : Number(value.toPrecision(15)));
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new Error("the result is too large or not a real number");
}

class Parser {
  readonly #characters: string[];
  #next = 0;
  #depth = 0;

  constructor(characters: string[]) {
    this.#characters = characters;
  }

  sum(): number {
    let value = this.#product();
    for (;;) {
      if (this.#take("+")) value += this.#product();
      else if (this.#take("-")) value -= this.#product();
      else return finite(value);
    }
  }

  end(): void {
    if (this.#peek() !== undefined) this.#unexpected();
  }

  #product(): number {
    let value = this.#signed();
    for (;;) {
      if (this.#take("*")) value *= this.#signed();
      else if (this.#take("/")) value /= this.#divisor();
      else return value;
    }
  }

  #divisor(): number {
    const value = this.#signed();
    if (value === 0) throw new Error("division by zero");
    return value;
  }

  /** Every way down goes through here, so that the depth is counted here alone. */
  #signed(): number {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Error(`nested more than ${MAX_DEPTH} deep`);
    let value: number;
    if (this.#take("-")) value = -this.#signed();
    else if (this.#take("+")) value = this.#signed();
    else value = this.#power();
    this.#depth -= 1;
    // At once: divided by later, an overflow would look like a plain zero.
    return finite(value);
  }

  #power(): number {
    const base = this.#atom();
    if (!this.#take("^")) return base;
    // To the right first: 2^3^2 is 2^(3^2).
    const exponent = this.#signed();
    if (base === 0 && exponent < 0) throw new Error("division by zero");
    return base ** exponent;
  }

  #atom(): number {
    if (this.#take("(")) {
      const value = this.sum();
      if (!this.#take(")")) this.#unexpected();
      return value;
    }
    if (!/[0-9.]/.test(this.#peek() ?? "")) this.#unexpected();
    return this.#number();
  }

  #number(): number {
    const start = this.#next;
    while (/[0-9.]/.test(this.#characters[this.#next] ?? "")) this.#next += 1;
    const text = this.#characters.slice(start, this.#next).join("");
    if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`\`${text}\` at position ${start + 1} is not a number`);
    return Number(text);
  }

  /** The next character that is no space. */
  #peek(): string | undefined {
    while (/\s/.test(this.#characters[this.#next] ?? "")) this.#next += 1;
    return this.#characters[this.#next];
  }

  #take(wanted: string): boolean {
    const isNext = this.#peek() === wanted;
    if (isNext) this.#next += 1;
    return isNext;
  }

  #unexpected(): never {
    const character = this.#peek();
    if (character === undefined) throw new Error("the expression ends too soon");
    throw new Error(`unexpected \`${character}\` at position ${this.#next + 1}`);
  }
}
