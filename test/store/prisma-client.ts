import { getPrismaClient } from '@prisma/client/runtime/client'
import type { GetPrismaClientConfig } from '@prisma/client/runtime/client'
import type { Dialect } from '../../src/store/executor.ts'

const PROVIDERS = { postgres: 'postgresql', mysql: 'mysql', sqlite: 'sqlite' } as const

/** The client that `prisma generate` creates from a schema without models. The command itself would download a program from outside the npm registry. */
export function clientClass(dialect: Dialect) {
  const provider = PROVIDERS[dialect]
  const config: GetPrismaClientConfig = {
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: '',
    activeProvider: provider,
    inlineSchema: `datasource db {\n  provider = "${provider}"\n}\n`,
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    parameterizationSchema: { strings: [], graph: 'AAAA' },
    compilerWasm: {
      getRuntime: () => import(`@prisma/client/runtime/query_compiler_fast_bg.${provider}.mjs`),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = (await import(
          `@prisma/client/runtime/query_compiler_fast_bg.${provider}.wasm-base64.mjs`
        )) as { wasm: string }
        // TypeScript has the WebAssembly types only in its browser library.
        return new (globalThis as any).WebAssembly.Module(Buffer.from(wasm, 'base64'))
      },
      importName: './query_compiler_fast_bg.js',
    },
  }
  return getPrismaClient(config)
}
