/** A URL that WeChat can notify. */
export function isPublicUrl(value: unknown): boolean {
  // Checked as text, as the text itself becomes the notify URL: anything that a URL parser would repair is refused.
  if (
    typeof value !== 'string' ||
    !/^https?:\/\/[!-~]+$/i.test(value) ||
    /[?#\\]/.test(value) ||
    !URL.canParse(value)
  ) {
    return false
  }
  const url = new URL(value)
  // Segments such as `..` would be resolved, and many proxies drop empty ones.
  if (url.pathname.includes('//') || (value.replace(/^https?:\/\/[^/]+/i, '') || '/') !== url.pathname) return false
  return (
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) &&
    url.username === '' &&
    url.password === ''
  )
}

/** Whether a URL's host is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Only scheme, host and port. */
export function isOrigin(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    URL.canParse(value) &&
    /^https?:$/.test(new URL(value).protocol) &&
    value.replace(/\/$/, '') === new URL(value).origin
  )
}

/** An origin, with or without credentials. */
export function isProxy(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, pathname, search, hash, username, password } = new URL(value)
  try {
    decodeURIComponent(username + password)
  } catch {
    return false
  }
  return /^https?:$/.test(protocol) && pathname === '/' && search === '' && hash === ''
}
