import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import express from '@fastify/express'
import middie from '@fastify/middie'
import bodyParser from 'body-parser'
import type { FastifyInstance } from 'fastify'

/** The limit, in real time, from a notification's arrival to its answer. */
export const LIMIT_MS = 100

/** Things an app may have, and whether a genuine notification still gets through. */
export const HARMLESS: Record<string, (app: FastifyInstance) => Promise<void> | void> = {
  nothing: () => {},
  'a hook that listens to the body as it passes': (app) => {
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      raw.on('data', () => {})
      done()
    })
  },
  'a preParsing hook that passes the body on as another stream': (app) => {
    app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(new PassThrough()))
  },
  'a hook that changes the parsed body': (app) => {
    app.addHook('preHandler', async (request) => {
      request.body = { xml: {} }
    })
  },
  'a hook that removes the Content-Type': (app) => {
    app.addHook('preValidation', async ({ headers }) => {
      delete headers['content-type']
    })
  },
}

/** Middlewares and hooks that read the body before us and do not keep it. */
export const READERS: Record<string, (app: FastifyInstance) => Promise<void> | void> = {
  'body-parser for text': async (app) => {
    await app.register(express)
    app.use(bodyParser.text({ type: 'text/xml' }))
  },
  'body-parser for JSON, with every type': async (app) => {
    await app.register(express)
    app.use(bodyParser.text({ type: '*/*' }))
    app.use((request, _response, next) => {
      ;(request as unknown as { body: unknown }).body = { xml: {} }
      next()
    })
  },
  'a custom middleware': async (app) => {
    await app.register(middie)
    app.use((request, _response, next) => {
      request.on('data', () => {}).on('end', next)
    })
  },
  'a hook that reads the stream': (app) => {
    app.addHook('onRequest', async ({ raw }) => {
      await raw.toArray()
    })
  },
  'a preParsing hook that reads the stream': (app) => {
    app.addHook('preParsing', async ({ raw }) => {
      await raw.toArray()
    })
  },
  'a hook that listens to the body and finishes later': (app) => {
    app.addHook('onRequest', async ({ raw }) => {
      raw.on('data', () => {})
    })
  },
  'a hook that reads the beginning of the stream': (app) => {
    app.addHook('onRequest', async ({ raw }) => {
      await once(raw, 'readable')
      raw.read(1)
    })
  },
  'a hook that reads the stream while we do': (app) => {
    app.addHook('preParsing', async ({ raw }, _reply, payload) => {
      const iterator = raw[Symbol.asyncIterator]()
      await iterator.next()
      return payload
    })
  },
  'a preParsing hook that passes nothing on': (app) => {
    app.addHook('preParsing', async (_request, _reply, payload) => {
      payload.resume()
      return new Readable({ read() {} })
    })
  },
}

const PAGE = '<html>Closed for maintenance</html>'
/** Apps that answer or refuse in our place. */
export const ANSWERS: Record<
  string,
  { host: (app: FastifyInstance) => Promise<void> | void; status: number; log: object; past?: boolean }
> = {
  'authentication that throws': {
    host: (app) => {
      app.addHook('preHandler', async () => {
        throw Object.assign(new Error('no session'), { statusCode: 401 })
      })
    },
    status: 401,
    log: {
      status: 401,
      err: { message: 'no session' },
      msg: /^A preValidation or preHandler hook has answered .* with HTTP 401, probably authentication: exempt POST/,
    },
  },
  'authentication that answers': {
    host: (app) => {
      app.addHook('onRequest', async (_request, reply) => await reply.code(403).send({ error: 'no' }))
    },
    status: 403,
    log: { status: 403, msg: /^An onRequest hook or a middleware has .* probably authentication or a filter of addr/ },
  },
  'a rate limit': {
    host: (app) => {
      app.addHook('onRequest', async () => {
        throw Object.assign(new Error('slow down'), { statusCode: 429 })
      })
    },
    status: 429,
    log: { status: 429, msg: /probably a rate limit/ },
  },
  'a maintenance page': {
    host: (app) => {
      app.addHook('preParsing', async (_request, reply) => {
        await reply.code(503).type('text/html').send(PAGE)
      })
    },
    status: 503,
    log: { status: 503, msg: /^A preParsing hook has .* probably a maintenance page/ },
  },
  'a success page': {
    host: (app) => {
      app.addHook('preValidation', async (_request, reply) => await reply.type('text/html').send(PAGE))
    },
    status: 200,
    log: { status: 200, msg: /with HTTP 200: exempt/ },
  },
  'a redirect': {
    host: (app) => {
      app.addHook('onRequest', async (_request, reply) => await reply.redirect('/login', 302))
    },
    status: 200,
    log: { status: 302, location: '/login', msg: /probably a redirect/ },
  },
  'a page sent as a compressed stream': {
    host: (app) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.raw.setHeader('x-raw', 'x')
        await reply.header('content-encoding', 'gzip').send(Readable.from([gzipSync(PAGE)]))
      })
    },
    status: 200,
    log: { status: 200 },
  },
  'an error with a status of success': {
    host: (app) => {
      app.addHook('onRequest', async () => {
        throw Object.assign(new Error('fine'), { statusCode: 200 })
      })
    },
    status: 500,
    log: { status: 500, err: { message: 'fine' } },
  },
  'a middleware that bypasses Fastify to answer': {
    host: async (app) => {
      await app.register(express)
      app.use((_request, response) => {
        response.writeHead(503, { 'content-type': 'text/html' }).end(PAGE)
      })
    },
    status: 503,
    log: { status: 503, msg: /^An onRequest hook or a middleware has .* probably a maintenance page/ },
    past: true,
  },
  'a middleware that bypasses Fastify to redirect': {
    host: async (app) => {
      await app.register(middie)
      app.use((_request, response) => {
        response.setHeader('location', 'https://shop.example.com').writeHead(301).end()
      })
    },
    status: 301,
    log: { status: 301, location: 'https://shop.example.com', msg: /probably a redirect/ },
    past: true,
  },
  'a hook that bypasses Fastify to start an answer, and passes the request on': {
    host: (app) => {
      app.addHook('preHandler', async (_request, reply) => {
        reply.raw.writeHead(200, { 'content-type': 'text/html' }).write('<html>')
        setImmediate(() => reply.raw.end('</html>'))
      })
    },
    status: 200,
    log: { status: 200, msg: /^A hook or a middleware has/ },
    past: true,
  },
  'a hook that bypasses Fastify to answer slowly': {
    host: (app) => {
      app.addHook('preHandler', async (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-type': 'text/html' }).write('<html>')
        setTimeout(() => reply.raw.end('</html>'), 2 * LIMIT_MS)
      })
    },
    status: 200,
    log: { status: 200, msg: /^A preValidation or preHandler hook has/ },
    past: true,
  },
}
