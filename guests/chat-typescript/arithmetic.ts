// Arithmetic: + - * / and parentheses, signs and decimal numbers, with the usual precedence.

/** How deep an expression may nest. */
const MAX_DEPTH = 64;

/** The value of an expression. Positions in errors count characters from 1. */
export function evaluate(expression: string): number {
  const parser = new Parser(expression);
  const value = parser.sum(0);
  parser.end();
  return value;
}

class Parser {
  #at = 0;

  constructor(readonly text: string) {}

  sum(depth: number): number {
    let value = this.#product(depth);
    for (;;) {
      if (this.#take("+")) value += this.#product(depth);
      else if (this.#take("-")) value -= this.#product(depth);
      else return value;
    }
  }

  end(): void {
    if (this.#peek() !== undefined) this.#unexpected();
  }

  #product(depth: number): number {
    let value = this.#signed(depth);
    for (;;) {
      if (this.#take("*")) value *= this.#signed(depth);
      else if (this.#take("/")) value /= this.#divisor(depth);
      else return value;
    }
  }

  #divisor(depth: number): number {
    const value = this.#signed(depth);
    if (value === 0) throw new Error("division by zero");
    return value;
  }

  #signed(depth: number): number {
    if (depth > MAX_DEPTH) throw new Error(`nested more than ${MAX_DEPTH} deep`);
    if (this.#take("-")) return -this.#signed(depth + 1);
    if (this.#take("+")) return this.#signed(depth + 1);
    if (!this.#take("(")) return this.#number();
    const value = this.sum(depth + 1);
    if (!this.#take(")")) this.#unexpected();
    return value;
  }

  #number(): number {
    const found = /^(\d+\.?\d*|\.\d+)/.exec(this.#peek() === undefined ? "" : this.text.slice(this.#at));
    if (!found) this.#unexpected();
    this.#at += found[0].length;
    return Number(found[0]);
  }

  /** The next character that is no space. */
  #peek(): string | undefined {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at += 1;
    return this.text[this.#at];
  }

  #take(wanted: string): boolean {
    const isNext = this.#peek() === wanted;
    if (isNext) this.#at += 1;
    return isNext;
  }

  #unexpected(): never {
    const character = this.#peek();
    if (character === undefined) throw new Error("the expression ends too soon");
    throw new Error(`unexpected \`${character}\` at position ${this.#at + 1}`);
  }
}
