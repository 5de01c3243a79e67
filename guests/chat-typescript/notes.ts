/** Something to remember. */
export interface Note {
  id: number;
  topic: string;
  text: string;
}

/** At most this many: a session's memory is bounded. */
const LIMIT = 200;

/** Notes, kept in the session's memory. */
export class Notes {
  #notes: Note[] = [];
  #lastId = 0;

  get count(): number {
    return this.#notes.length;
  }

  add(text: string, topic = "general"): Note {
    if (this.#notes.length >= LIMIT) throw new Error(`there are ${LIMIT} notes already; remove one first`);
    this.#lastId += 1;
    const note = { id: this.#lastId, topic, text };
    this.#notes.push(note);
    return note;
  }

  find(words: string[]): Note[] {
    const wanted = words.map((word) => word.toLowerCase());
    const fits = ({ text, topic }: Note): boolean => {
      const content = `${topic} ${text}`.toLowerCase();
      return wanted.length === 0 || wanted.some((word) => content.includes(word));
    };
    return this.#notes.filter(fits).reverse();
  }

  remove(id: number): string {
    const before = this.#notes.length;
    this.#notes = this.#notes.filter((note) => note.id !== id);
    if (this.#notes.length === before) throw new Error(`there is no note ${id}`);
    return `note ${id} is removed`;
  }
}
