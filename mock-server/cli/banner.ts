import { appEnvironment, shellLines } from '../ledger/environment.ts'
import type { MockWechat } from '../server/mock.ts'

const LONELY =
  'In a container this address is unreachable from outside: use --host 0.0.0.0, and --allow-host with the service name.\n'

const onOneLine = (environment: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => !value.includes('\n')))

/** The text shown at start-up. `lonely`: only this machine can reach the mock. */
export function banner(
  { url, controlUrl, default: { id, clock, credentials } }: Pick<MockWechat, 'url' | 'controlUrl' | 'default'>,
  seed: string,
  lonely: boolean,
): string {
  return [
    `WeChat mock at ${url} on the ${clock.mode} clock; control at ${controlUrl}`,
    `Open ${new URL(controlUrl).origin}/ in a browser to see what happens.`,
    `Use it as api.weixin.qq.com and api.mch.weixin.qq.com, with the credentials of the world "${id}":`,
    '',
    // The keys of API v3 have many lines.
    shellLines(onOneLine(appEnvironment(url, credentials))),
    'The keys of API v3: --print-env, or --json.',
    'To try a notify handler without an app: wechat-mock order --notify-url URL',
    `To have the same credentials and openids next time: --seed ${seed}`,
    '',
    ...(lonely ? [LONELY] : []),
  ].join('\n')
}
