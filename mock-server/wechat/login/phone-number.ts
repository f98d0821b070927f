import { checkToken, findByToken, type LoginEndpoint } from './call.ts'

/** POST /wxa/business/getuserphonenumber: the code is that of a button, not of wx.login. */
export const getuserphonenumber: LoginEndpoint<'getuserphonenumber'> = {
  api: 'getuserphonenumber',
  path: '/wxa/business/getuserphonenumber',
  hinted: [40029],
  find: findByToken,
  handle: (app, request, registry) => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const { json } = request
    if (!json) return 47001
    const code = String(json.code)
    const owner = registry.byPhoneCode(code)
    if (owner && owner.app !== app) return 40013
    const phone = app!.users.exchangePhoneCode(code)
    if (typeof phone === 'string') return 40029
    const watermark = { timestamp: Math.floor(app!.now().getTime() / 1000), appid: app!.appid }
    return { errcode: 0, errmsg: 'ok', phone_info: { ...phone, watermark } }
  },
}
