// tap's coverage map of `npm run test:without-mariadb`: the tests of the stores have to cover the stores.
export default () => ['src/store/**/*.ts']
