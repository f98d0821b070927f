import { createCipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { integer, NULL, octets, oid, sequence, set, tagged } from './der.ts'
import type { RsaKey } from './rsa-key.ts'

/** A certificate and its key in one file, as WeChat's platform gives it. */
export interface CertificateFile {
  readonly pfx: Buffer
  readonly passphrase: string
}

/** The key is for tests and the passphrase is public: more iterations would gain nothing. */
const ITERATIONS = 16
const DATA = oid('1.2.840.113549.1.7.1')
const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'), NULL)

/** PBES2: PBKDF2 with HMAC-SHA256, and AES-256 (RFC 8018), which OpenSSL 3 reads without its legacy provider. */
function encrypted(plain: Buffer, passphrase: string, salt: Buffer, iv: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(passphrase, salt, ITERATIONS, 32, 'sha256'), iv)
  const kdf = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(octets(salt), integer(ITERATIONS), sequence(oid('1.2.840.113549.2.9'), NULL)),
  )
  const scheme = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(iv))
  return sequence(
    sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, scheme)),
    octets(Buffer.concat([cipher.update(plain), cipher.final()])),
  )
}

/** The key of the MAC: RFC 7292, appendix B, for one block of SHA-256. */
function macKey(passphrase: string, salt: Buffer): Buffer {
  const blockOf = (bytes: Buffer) => Buffer.alloc(64 * Math.ceil(bytes.length / 64), bytes)
  const password = Buffer.from(`${passphrase}\0`, 'utf16le').swap16()
  let digest = Buffer.concat([Buffer.alloc(64, 3), blockOf(salt), blockOf(password)])
  for (let n = 0; n < ITERATIONS; n++) digest = createHash('sha256').update(digest).digest()
  return digest
}

const bag = (type: string, value: Buffer, ...attributes: Buffer[]) =>
  sequence(oid(type), tagged(0, value), set(...attributes))

/** The pair as a PKCS #12 file (RFC 7292). The same certificate produces the same bytes. */
export function certificateFile(certDer: Buffer, { privateDer }: RsaKey, passphrase: string): CertificateFile {
  const digest = (label: string) => createHmac('sha256', certDer).update(label).digest()
  const [salt, iv, macSalt] = [
    digest('salt').subarray(16),
    digest('iv').subarray(16),
    digest('mac').subarray(16),
  ] as const
  const id = createHash('sha1').update(certDer).digest()
  const localKeyId = sequence(oid('1.2.840.113549.1.9.21'), set(octets(id)))
  const cert = bag(
    '1.2.840.113549.1.12.10.1.3',
    sequence(oid('1.2.840.113549.1.9.22.1'), tagged(0, octets(certDer))),
    localKeyId,
  )
  const key = bag('1.2.840.113549.1.12.10.1.2', encrypted(privateDer, passphrase, salt, iv), localKeyId)
  const safe = sequence(...[cert, key].map((content) => sequence(DATA, tagged(0, octets(sequence(content))))))
  const mac = createHmac('sha256', macKey(passphrase, macSalt)).update(safe).digest()
  return {
    pfx: sequence(
      integer(3),
      sequence(DATA, tagged(0, octets(safe))),
      sequence(sequence(SHA256, octets(mac)), octets(macSalt), integer(ITERATIONS)),
    ),
    passphrase,
  }
}
