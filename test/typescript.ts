/** The argument with which `node` runs TypeScript, from any folder. */
export const TYPESCRIPT = `--import=${new URL('../scripts/ts.js', import.meta.url)}`
