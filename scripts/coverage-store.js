// tap's coverage map for `npm run test:without-mariadb`: the store tests have to cover the stores.
export default () => ['src/store/**/*.ts']
