import type { Sender } from './sender.ts'

/** Sends to these hosts only: a notify_url that was copied from production must not be reached by a test. */
export function onlyTo(hosts: readonly string[], sender: Sender): Sender {
  return {
    ...sender,
    post: async (url, ...message) => {
      // What is no address the sender itself refuses.
      if (!URL.canParse(url)) return sender.post(url, ...message)
      const { hostname } = new URL(url)
      if (hosts.includes(hostname.replace(/^\[(.*)\]$/, '$1'))) return sender.post(url, ...message)
      const error = new Error(
        `the mock sends to ${hosts.join(', ')} only, not to ${hostname}; allow it with --allow-notify-host ${hostname} (notifyHosts)`,
      )
      return { durationMs: 0, error: Object.assign(error, { code: 'EHOSTUNREACH' }) }
    },
  }
}
