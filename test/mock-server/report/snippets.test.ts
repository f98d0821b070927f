// Runs the commands that the documents give for --verify-cmd, each with the language that is installed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Libsql from 'libsql'
import t from 'tap'
import { askBy, readWord } from '../../../mock-server/report/index.ts'
import { runs, skippedWithout } from '../../languages.ts'

t.setTimeout(300_000)

const README = readFileSync(new URL('../../../mock-server/README.md', import.meta.url), 'utf8')

/** The text of a file in the documents, and the command in its first line. */
function documented(name: string): { text: string; command: string } {
  const [, text = '', command = ''] =
    new RegExp(`\`\`\`\\w+\\n(\\S.*${name}: --verify-cmd '([^']+)'[^]*?)\`\`\``).exec(README) ?? []
  return { text, command }
}

const QUERY = 'SELECT count(*) FROM fulfilments WHERE out_trade_no = ?'
const FULFILMENTS: readonly [outTradeNo: string, times: number][] = [
  ['once', 1],
  ['twice', 2],
  ['never', 0],
]
/** For stand-ins of drivers that no language brings: what the database would answer. */
const ANSWERS = JSON.stringify(Object.fromEntries(FULFILMENTS))

interface Language {
  readonly file: string
  /** What it needs here, or undefined. */
  readonly version: () => string | undefined
  /** Files beside it. */
  readonly beside?: Readonly<Record<string, string>>
  /** Before its command. */
  readonly build?: string
  readonly text?: (text: string) => string
}

const GO_DRIVER = `package sqlite3

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"io"
	"os"
)

type stand struct{ read bool; answer int64 }

func init() { sql.Register("sqlite3", &stand{}) }

func (s *stand) Open(name string) (driver.Conn, error) {
	if _, err := os.Stat(name); err != nil { return nil, err }
	return s, nil
}
func (s *stand) Prepare(query string) (driver.Stmt, error) {
	if query != "${QUERY}" { return nil, os.ErrInvalid }
	return s, nil
}
func (s *stand) Close() error { return nil }
func (s *stand) Begin() (driver.Tx, error) { return nil, os.ErrInvalid }
func (s *stand) NumInput() int { return 1 }
func (s *stand) Exec(args []driver.Value) (driver.Result, error) { return nil, os.ErrInvalid }
func (s *stand) Query(args []driver.Value) (driver.Rows, error) {
	text, err := os.ReadFile("answers.json")
	answers := map[string]int64{}
	if err == nil { err = json.Unmarshal(text, &answers) }
	return &stand{answer: answers[args[0].(string)]}, err
}
func (s *stand) Columns() []string { return []string{"count(*)"} }
func (s *stand) Next(row []driver.Value) error {
	if s.read { return io.EOF }
	s.read = true
	row[0] = s.answer
	return nil
}
`

const JAVA_DRIVER = `import java.lang.reflect.*;
import java.nio.file.*;
import java.sql.*;
import java.util.*;
import java.util.logging.Logger;
import java.util.regex.*;

public class StandIn implements Driver, InvocationHandler {
  static {
    try {
      DriverManager.registerDriver(new StandIn());
    } catch (SQLException error) {
      throw new IllegalStateException(error);
    }
  }

  private String number;

  private Object as(Class<?> type) {
    return Proxy.newProxyInstance(StandIn.class.getClassLoader(), new Class<?>[] { type }, this);
  }

  public Object invoke(Object proxy, Method method, Object[] args) throws Throwable {
    switch (method.getName()) {
      case "prepareStatement":
        if (!args[0].equals("${QUERY}")) throw new SQLException((String) args[0]);
        return as(PreparedStatement.class);
      case "setString":
        number = (String) args[1];
        return null;
      case "executeQuery":
        return as(ResultSet.class);
      case "next":
        return true;
      case "getInt":
        Matcher found = Pattern.compile("\\"" + number + "\\":(\\\\d+)").matcher(Files.readString(Path.of("answers.json")));
        found.find();
        return Integer.parseInt(found.group(1));
      default:
        throw new SQLException(method.getName());
    }
  }

  public Connection connect(String url, Properties info) {
    return acceptsURL(url) && Files.exists(Path.of("shop.db")) ? (Connection) as(Connection.class) : null;
  }
  public boolean acceptsURL(String url) { return url.equals("jdbc:sqlite:shop.db"); }
  public DriverPropertyInfo[] getPropertyInfo(String url, Properties info) { return new DriverPropertyInfo[0]; }
  public int getMajorVersion() { return 1; }
  public int getMinorVersion() { return 0; }
  public boolean jdbcCompliant() { return false; }
  public Logger getParentLogger() { return null; }
}
`

const PHP_DRIVER = `<?php
namespace StandIn;

class PDO {
  private $number;
  function __construct($name) { if ($name !== 'sqlite:shop.db' || !file_exists('shop.db')) throw new \\Exception($name); }
  function prepare($query) { if ($query !== '${QUERY}') throw new \\Exception($query); return $this; }
  function execute($values) { $this->number = $values[0]; }
  function fetchColumn() { return json_decode(file_get_contents('answers.json'), true)[$this->number]; }
}
`

const hasPdoSqlite = /pdo_sqlite/.test(runs('php', '-m') ?? '')

const LANGUAGES: Readonly<Record<string, Language>> = {
  Node: {
    file: 'verify.mjs',
    version: () =>
      process.env.REQUIRE_SQLITE === undefined
        ? runs(process.execPath, '-p', "new (require('better-sqlite3'))(':memory:').open")
        : process.version,
  },
  Python: { file: 'verify.py', version: () => runs('python3', '--version') },
  PHP: {
    file: 'verify.php',
    version: () => runs('php', '--version'),
    ...(!hasPdoSqlite && {
      beside: { 'pdo.php': PHP_DRIVER },
      text: (text) => text.replace('<?php', "<?php namespace StandIn; require 'pdo.php';"),
    }),
  },
  Go: {
    file: 'verify.go',
    version: () => runs('go', 'version'),
    beside: {
      'sqlite3/driver.go': GO_DRIVER,
      'sqlite3/go.mod': 'module github.com/mattn/go-sqlite3\n\ngo 1.16\n',
      'go.mod':
        'module verify\n\ngo 1.16\n\nrequire github.com/mattn/go-sqlite3 v1.14.0\n\nreplace github.com/mattn/go-sqlite3 => ./sqlite3\n',
    },
    build: 'GOPROXY=off GOFLAGS=-mod=mod go build -o verify .',
  },
  Java: {
    file: 'Verify.java',
    version: () => runs('javac', '--version'),
    beside: { 'StandIn.java': JAVA_DRIVER, 'classes/META-INF/services/java.sql.Driver': 'StandIn\n' },
    build: 'javac -d classes StandIn.java && jar cf sqlite-jdbc.jar -C classes .',
  },
}

for (const [language, { file, version, beside = {}, build, text: change = (text: string) => text }] of Object.entries(
  LANGUAGES,
)) {
  t.test(`--verify-cmd in ${language}`, { skip: skippedWithout(language, version()) }, async (t) => {
    const dir = t.testdir()
    const db = new Libsql(join(dir, 'shop.db'))
    db.exec('create table fulfilments (id integer primary key, out_trade_no text not null)')
    for (const [number, times] of FULFILMENTS) {
      for (let n = 0; n < times; n++) db.prepare('insert into fulfilments (out_trade_no) values (?)').run(number)
    }
    db.close()
    const { text, command } = documented(file)
    t.not(command, '', 'the documents have it')
    for (const [path, content] of Object.entries({ ...beside, [file]: change(text), 'answers.json': ANSWERS })) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), content)
    }
    if (build !== undefined) execFileSync('sh', ['-c', build], { cwd: dir, stdio: 'pipe' })
    const ask = askBy(undefined, `cd '${dir}' && ${command}`, 'GET')!
    for (const [number, times] of FULFILMENTS) {
      const word = readWord(await ask({ out_trade_no: number }))
      t.strictSame(word, { paid: times > 0, fulfilments: times }, `${language}: ${number}`)
    }
  })
}
