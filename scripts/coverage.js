// tap's coverage map: every test file counts towards the coverage of src/ and mock-server/. Test helpers, examples and benchmarks need no coverage.
export default () => ['src/**/*.ts', 'mock-server/**/*.ts']
