import neostandard from 'neostandard'

// Prettier decides the style; the linter looks for faults only.
const globals = (...names) => ({ globals: Object.fromEntries(names.map((name) => [name, 'readonly'])) })

export default [
  ...neostandard({ ts: true, noStyle: true, ignores: ['dist', '.tap', 'node_modules'] }),
  { files: ['examples/miniprogram/**/*.js'], languageOptions: globals('wx', 'App', 'Page') },
  { files: ['examples/shop/phone/*.js'], languageOptions: globals('document', 'location', 'MouseEvent') },
]
