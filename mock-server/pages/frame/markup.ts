/** HTML that is ready to be sent. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Values for a template: text, which is escaped; HTML; nothing; or a list of these. */
export type Piece = string | number | Markup | undefined | false | readonly Piece[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

/** Characters that HTML does not allow, or that change the reading direction, are shown as visible symbols. */
const ODD = /(?![\n\r\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu
const shown = (character: string) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`

const escape = (text: string) => text.replace(ODD, shown).replace(/[&<>"']/g, (character) => ENTITIES[character]!)

function textOf(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (piece instanceof Markup) return piece.text
  return Array.isArray(piece) ? piece.map(textOf).join('') : escape(String(piece))
}

/** An HTML template. Only results of this function count as HTML; everything else is escaped. */
export function html({ raw }: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return new Markup(raw.map((literal, n) => literal + textOf(pieces[n])).join(''))
}
