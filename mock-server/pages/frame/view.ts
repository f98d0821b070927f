import type { World } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import type { Piece } from './markup.ts'
import type { Language, Say } from './words.ts'

/** Below this path are the mock's pages, their forms and what pages need. */
export const PAGES = '/__mock/ui'

/** The result of an action, shown once above the page. */
export interface Notice {
  readonly ok: boolean
  readonly text: string
}

/** One request for a page. */
export interface View {
  readonly worlds: Worlds
  readonly world: World
  readonly say: Say
  readonly language: Language
  /** Empty: that of the browser. */
  readonly theme: '' | 'light' | 'dark'
  /** The origin of the mock, as the browser calls it: http://127.0.0.1:8090. */
  readonly origin: string
  /** The path with its query. */
  readonly url: string
  readonly query: URLSearchParams
  readonly notice: Notice | undefined
}

/** The content of a page, and its place in the frame. */
export interface Page {
  readonly title: string
  readonly main: Piece
  /** Its entry in the navigation. */
  readonly tab: string
  /** The payer's page has no frame. */
  readonly bare?: boolean
  readonly status?: number
}

export type Query = Readonly<Record<string, string | number | undefined>>

/** The address of a page of the world. */
export function to({ world }: Pick<View, 'world'>, path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value))
  }
  return `${PAGES}/${world.id}/${path}${search.size > 0 ? `?${search}` : ''}`
}

/** The same page with another query. */
export function here(view: View, changes: Query): string {
  const { pathname, searchParams } = new URL(view.url, 'http://mock')
  searchParams.delete('done')
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) searchParams.delete(name)
    else searchParams.set(name, String(value))
  }
  return `${pathname}${searchParams.size > 0 ? `?${searchParams}` : ''}`
}

export const segment = encodeURIComponent
