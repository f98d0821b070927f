import { badInput } from '../base/checks.ts'

/** Checks that a notification can reach it: an absolute http(s) URL with a path and without a query string. */
export function isNotifyUrl(text: string): boolean {
  return /^https?:\/\/[^/?#]+\/[^?#]*$/.test(text) && URL.canParse(text)
}

/** @throws MockError BAD_INPUT */
export function checkNotifyUrl(field: string, url: string): void {
  if (isNotifyUrl(url)) return
  throw badInput(
    field,
    'notify_url',
    `must be an absolute http(s) URL with a path and without a query string; got ${url}`,
  )
}
