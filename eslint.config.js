import neostandard from 'neostandard'

// Prettier decides the style; the linter looks for faults only.
export default neostandard({ ts: true, noStyle: true, ignores: ['dist', '.tap', 'node_modules'] })
