const auth = require('./utils/auth')

App({
  onLaunch() {
    // So that the first order need not wait for it. If it fails, the first request tries again and says why.
    auth.token().catch(() => {})
  },
})
