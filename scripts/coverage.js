// tap's coverage map: whatever a test file is about, src/ and mock-server/ are what has to be covered, and not the tests' helpers, the examples and benchmarks.
export default () => ['src/**/*.ts', 'mock-server/**/*.ts']
