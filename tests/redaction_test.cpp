#include "model/redaction.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace galproc {
namespace {

using Arguments = std::vector<std::string>;

std::string shown(const Arguments& arguments) {
  std::string line;
  for (const std::string& argument : arguments) line += "<" + argument + "> ";
  return line;
}

struct Row {
  Arguments arguments;
  Arguments expected;
};

void expect_rows(const std::vector<Row>& rows, bool truncated = false) {
  const Redactor redactor;
  for (const Row& row : rows) {
    EXPECT_EQ(shown(redactor.redact(row.arguments, truncated)), shown(row.expected));
    EXPECT_EQ(shown(redactor.redact(row.expected, truncated)), shown(row.expected)) << "redacted twice";
  }
}

void expect_unchanged(const std::vector<Arguments>& rows) {
  const Redactor redactor;
  for (const Arguments& row : rows) EXPECT_EQ(shown(redactor.redact(row)), shown(row));
}

TEST(Redactor, TakesOutTheValuesOfSecretOptions) {
  expect_rows({
      {{"app", "--password=hunter2", "-v"}, {"app", "--password=[redacted]", "-v"}},
      {{"app", "--password", "hunter2", "-v"}, {"app", "--password", "[redacted]", "-v"}},
      {{"app", "--password", "two words"}, {"app", "--password", "[redacted]"}},
      {{"app", "--password=a;b=c d"}, {"app", "--password=[redacted]"}},
      {{"app", "--password", "-dash.secret"}, {"app", "--password", "[redacted]"}},
      {{"app", "--token", "x"}, {"app", "--token", "[redacted]"}},
      {{"app", "--passcode=x"}, {"app", "--passcode=[redacted]"}},
      {{"app", "--bearer", "x"}, {"app", "--bearer", "[redacted]"}},
      {{"plink", "-pw", "x", "host"}, {"plink", "-pw", "[redacted]", "host"}},
      {{"app", "--db-pw=x"}, {"app", "--db-pw=[redacted]"}},
      {{"app", "--api-key", "x"}, {"app", "--api-key", "[redacted]"}},
      {{"app", "--apiKey=x"}, {"app", "--apiKey=[redacted]"}},
      {{"app", "--secret", "x"}, {"app", "--secret", "[redacted]"}},
      {{"app", "--client-secret=x"}, {"app", "--client-secret=[redacted]"}},
      {{"app", "--client_secret", "x"}, {"app", "--client_secret", "[redacted]"}},
      {{"app", "--access-key", "x"}, {"app", "--access-key", "[redacted]"}},
      {{"app", "--private-key", "x"}, {"app", "--private-key", "[redacted]"}},
      {{"app", "-db-password", "x"}, {"app", "-db-password", "[redacted]"}},
      {{"keytool", "-storepass", "changeit"}, {"keytool", "-storepass", "[redacted]"}},
      {{"java", "-Dspring.datasource.password=x", "-jar", "a.jar"},
       {"java", "-Dspring.datasource.password=[redacted]", "-jar", "a.jar"}},
      {{"helm", "--set", "db.password=x,db.user=bob"}, {"helm", "--set", "db.password=[redacted],db.user=bob"}},
      {{"helm", "--set=db.password=x"}, {"helm", "--set=db.password=[redacted]"}},
      {{"wget", "--user=bob", "--password=x", "h/f"}, {"wget", "--user=bob", "--password=[redacted]", "h/f"}},
      {{"vault", "--secret-id", "0f8fad5b-d9cb-469f-a165-70867728950e"}, {"vault", "--secret-id", "[redacted]"}},
  });
}

TEST(Redactor, TakesOutSecretVariables) {
  expect_rows({
      {{"env", "PGPASSWORD=x", "psql"}, {"env", "PGPASSWORD=[redacted]", "psql"}},
      {{"env", "PGPASSWORD=my pass word", "psql"}, {"env", "PGPASSWORD=[redacted]", "psql"}},
      {{"docker", "run", "-e", "MYSQL_PWD=x"}, {"docker", "run", "-e", "MYSQL_PWD=[redacted]"}},
      {{"x", "AWS_SECRET_ACCESS_KEY=abc/def+1"}, {"x", "AWS_SECRET_ACCESS_KEY=[redacted]"}},
      {{"x", "FOO_TOKEN=x"}, {"x", "FOO_TOKEN=[redacted]"}},
      {{"x", "foo-api-key=x"}, {"x", "foo-api-key=[redacted]"}},
      {{"x", "DB_PASS=x"}, {"x", "DB_PASS=[redacted]"}},
      {{"x", "SECRET_KEY_BASE=x"}, {"x", "SECRET_KEY_BASE=[redacted]"}},
      {{"x", "APIKEY=x", "TLS_PRIVATE_KEY=x", "MY_CREDENTIAL=x"},
       {"x", "APIKEY=[redacted]", "TLS_PRIVATE_KEY=[redacted]", "MY_CREDENTIAL=[redacted]"}},
  });
}

TEST(Redactor, KnowsTheOptionsOfPrograms) {
  expect_rows({
      {{"mysql", "-uroot", "-psecret", "shop"}, {"mysql", "-uroot", "-p[redacted]", "shop"}},
      {{"C:\\bin\\mysql.exe", "-psecret"}, {"C:\\bin\\mysql.exe", "-p[redacted]"}},
      {{"/usr/bin/mariadb-dump", "-psecret", "-P3306"}, {"/usr/bin/mariadb-dump", "-p[redacted]", "-P3306"}},
      {{"sudo", "mysqldump", "-psecret"}, {"sudo", "mysqldump", "-p[redacted]"}},
      {{"docker", "exec", "db", "mysql", "-psecret"}, {"docker", "exec", "db", "mysql", "-p[redacted]"}},
      {{"sshpass", "-p", "x", "ssh", "-p", "22", "host"}, {"sshpass", "-p", "[redacted]", "ssh", "-p", "22", "host"}},
      {{"sshpass", "-px", "ssh", "host"}, {"sshpass", "-p[redacted]", "ssh", "host"}},
      {{"curl", "-u", "bob:x", "http://h/"}, {"curl", "-u", "bob:[redacted]", "http://h/"}},
      {{"curl", "-ubob:x:y"}, {"curl", "-ubob:[redacted]"}},
      {{"curl", "-sSu", "bob:x"}, {"curl", "-sSu", "bob:[redacted]"}},
      {{"curl", "--user", "bob:x"}, {"curl", "--user", "bob:[redacted]"}},
      {{"az", "login", "-u", "bob", "-p", "x"}, {"az", "login", "-u", "bob", "-p", "[redacted]"}},
      {{"kubectl", "create", "secret", "generic", "s", "--from-literal=password=a b"},
       {"kubectl", "create", "secret", "generic", "s", "--from-literal=password=[redacted]"}},
      {{"curl", "-b", "session=x"}, {"curl", "-b", "session=[redacted]"}},
      {{"python3", "/usr/bin/http", "-a", "bob:x"}, {"python3", "/usr/bin/http", "-a", "bob:[redacted]"}},
      {{"redis-cli", "-h", "h", "-a", "x"}, {"redis-cli", "-h", "h", "-a", "[redacted]"}},
      {{"docker", "login", "-u", "bob", "-p", "x"}, {"docker", "login", "-u", "bob", "-p", "[redacted]"}},
      {{"openssl", "rsa", "-passin", "pass:x"}, {"openssl", "rsa", "-passin", "pass:[redacted]"}},
      {{"smbclient", "-U", "bob%x"}, {"smbclient", "-U", "bob%[redacted]"}},
  });
}

TEST(Redactor, TakesCredentialsOutOfUrls) {
  expect_rows({
      {{"x", "postgres://u:secret@h/db"}, {"x", "postgres://u:[redacted]@h/db"}},
      {{"x", "a://u:p@h/1,b://v:q@i/2"}, {"x", "a://u:[redacted]@h/1,b://v:[redacted]@i/2"}},
      {{"x", "--url=redis://:secret@h:6379"}, {"x", "--url=redis://:[redacted]@h:6379"}},
      {{"x", "postgres://u:p@ss@h/db"}, {"x", "postgres://u:[redacted]@h/db"}},
      {{"x", "postgres://u:p/ss@h/db"}, {"x", "postgres://u:[redacted]@h/db"}},
      {{"git", "clone", "https://ghp_xxx@github.com/a/b"}, {"git", "clone", "https://[redacted]@github.com/a/b"}},
      {{"x", "https://0123456789abcdef0123@sentry.io/1"}, {"x", "https://[redacted]@sentry.io/1"}},
      {{"x", "https://h/p?token=x&page=2"}, {"x", "https://h/p?token=[redacted]&page=2"}},
      {{"x", "https://h/p?a=1&access_token=x#top"}, {"x", "https://h/p?a=1&access_token=[redacted]#top"}},
      {{"x", "https://h/p?sv=1&sig=x%2B&se=2"}, {"x", "https://h/p?sv=1&sig=[redacted]&se=2"}},
      {{"x", "https://h/p?X-Amz-Signature=0f"}, {"x", "https://h/p?X-Amz-Signature=[redacted]"}},
  });
}

TEST(Redactor, TakesSecretsOutOfHeadersAndLists) {
  expect_rows({
      {{"curl", "-H", "Authorization: Bearer x"}, {"curl", "-H", "Authorization: Bearer [redacted]"}},
      {{"curl", "-H", "Authorization: Basic x"}, {"curl", "-H", "Authorization: Basic [redacted]"}},
      {{"curl", "-HAuthorization: x y"}, {"curl", "-HAuthorization: [redacted]"}},
      {{"x", "Authorization=x"}, {"x", "Authorization=[redacted]"}},
      {{"http", "h", "Authorization:Bearer x"}, {"http", "h", "Authorization:Bearer [redacted]"}},
      {{"curl", "-H", "X-Api-Key: x"}, {"curl", "-H", "X-Api-Key: [redacted]"}},
      {{"curl", "--header", "Cookie: a=b; c=d"}, {"curl", "--header", "Cookie: [redacted]"}},
      {{"x", "Bearer xxx"}, {"x", "Bearer [redacted]"}},
      {{"x", "Authorization:", "Bearer", "xxx"}, {"x", "Authorization:", "Bearer", "[redacted]"}},
      {{"x", "password=x host=y"}, {"x", "password=[redacted] host=y"}},
      {{"x", "host=y password=p;w,d) user=z"}, {"x", "host=y password=[redacted] user=z"}},
      {{"x", "host=y password='a b' user=z"}, {"x", "host=y password='[redacted]' user=z"}},
      {{"x", "Password=x;Server=y"}, {"x", "Password=[redacted];Server=y"}},
      {{"x", "Server=y;Pwd=a b;Database=z"}, {"x", "Server=y;Pwd=[redacted];Database=z"}},
      {{"x", "Server=y;Pwd=a b"}, {"x", "Server=y;Pwd=[redacted]"}},
      {{"x", R"({"user":"u","password":"x"})"}, {"x", R"({"user":"u","password":"[redacted]"})"}},
      {{"x", R"({"api_key": "a\"b", "n": 1})"}, {"x", R"({"api_key": "[redacted]", "n": 1})"}},
      {{"x", R"("{\"token\":\"x\",\"n\":1}")"}, {"x", R"("{\"token\":\"[redacted]\",\"n\":1}")"}},
      {{"x", R"({"password":1234,"n":1})"}, {"x", R"({"password":[redacted],"n":1})"}},
      {{"curl", "-d", "user=u&password=x&n=1"}, {"curl", "-d", "user=u&password=[redacted]&n=1"}},
  });
}

TEST(Redactor, KnowsTokensByTheirShape) {
  const std::string tail = "abcdefghij0123456789";
  expect_rows({
      {{"x", "ghp_" + tail}, {"x", "[redacted]"}},
      {{"x", "a gho_" + tail + ", b"}, {"x", "a [redacted], b"}},
      {{"x", "github_pat_" + tail}, {"x", "[redacted]"}},
      {{"x", "k:xoxb-" + tail}, {"x", "k:[redacted]"}},
      {{"x", "sk-proj-" + tail}, {"x", "[redacted]"}},
      {{"x", "AKIAIOSFODNN7EXAMPLE"}, {"x", "[redacted]"}},
      {{"x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}, {"x", "[redacted]"}},
      {{"x", "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"},
       {"x", "-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----"}},
      {{"x", "-----BEGIN RSA PRIVATE KEY-----\nMII"}, {"x", "-----BEGIN RSA PRIVATE KEY-----[redacted]"}},
  });
}

TEST(Redactor, JudgesOneStringTitlesAndScriptsWordByWord) {
  expect_rows({
      {{"sh", "-c", "mysql -pX  shop; mkdir -pv x"}, {"sh", "-c", "mysql -p[redacted]  shop; mkdir -pv x"}},
      {{"app --password hunter2\t-v"}, {"app --password [redacted]\t-v"}},
      {{"app --password hunter2 -v", "", ""}, {"app --password [redacted] -v", "", ""}},
      {{"bash", "-lc", "PGPASSWORD=x psql -h y"}, {"bash", "-lc", "PGPASSWORD=[redacted] psql -h y"}},
      {{"ssh", "host", "PGPASSWORD='a b' psql"}, {"ssh", "host", "PGPASSWORD='[redacted]' psql"}},
      {{"bash", "-c", "app --password='a b' c"}, {"bash", "-c", "app --password='[redacted]' c"}},
      {{"bash", "-c", "app --password \"a b\" c"}, {"bash", "-c", "app --password \"[redacted]\" c"}},
      {{"sh", "-c", "curl -u bob:x http://h && sshpass -p y ssh -p 22 h"},
       {"sh", "-c", "curl -u bob:[redacted] http://h && sshpass -p [redacted] ssh -p 22 h"}},
      {{"curl -H Authorization: Bearer x http://h/"}, {"curl -H Authorization: Bearer [redacted] http://h/"}},
      {{"sh", "-c", "mysql -uroot \\\n -pX\nmkdir -pv x"}, {"sh", "-c", "mysql -uroot \\\n -p[redacted]\nmkdir -pv x"}},
      {{"xterm", "-e", "mysql -pX"}, {"xterm", "-e", "mysql -p[redacted]"}},
      {{"bash", "-c", "don't app --token x isn't"}, {"bash", "-c", "don't app --token [redacted] isn't"}},
  });
}

TEST(Redactor, JudgesATruncatedLastArgumentByOpenEndedPatterns) {
  expect_rows(
      {
          {{"x", "postgres://u:secr"}, {"x", "postgres://u:[redacted]"}},
          {{"x", "postgres://u:p/se"}, {"x", "postgres://u:[redacted]"}},
          {{"x", "https://h:80"}, {"x", "https://h:[redacted]"}},
          {{"x", "https://abcdefgh12"}, {"x", "https://[redacted]"}},
          {{"x", "https://example.org/a"}, {"x", "https://example.org/a"}},
          {{"x", "--password", "-"}, {"x", "--password", "[redacted]"}},
          {{"x", "--password", "-v"}, {"x", "--password", "[redacted]"}},
          {{"x", "--password=a"}, {"x", "--password=[redacted]"}},
          {{"x", "--secret-id=a"}, {"x", "--secret-id=[redacted]"}},
          {{"x", "--password"}, {"x", "--password"}},
          {{"curl", "-u", "bob:s"}, {"curl", "-u", "bob:[redacted]"}},
          {{"curl", "-H", "Authorization: Bea"}, {"curl", "-H", "Authorization: [redacted]"}},
          {{"x", "ghp_ab"}, {"x", "[redacted]"}},
          {{"x", "eyJhb"}, {"x", "[redacted]"}},
          {{"x", R"({"password":"hal)"}, {"x", R"({"password":"[redacted])"}},
          {{"mysql -psec"}, {"mysql -p[redacted]"}},
          {{"x", "postgres://u:p@h/d", "plain"}, {"x", "postgres://u:[redacted]@h/d", "plain"}},
      },
      true);
}

TEST(Redactor, LeavesWhatOnlySpeaksOfSecrets) {
  expect_unchanged({
      {},
      {""},
      {"x", "", "-", "--", "=", ":", "://", "="},
      {"app", "--port", "8080"},
      {"app", "--token-file", "/x"},
      {"app", "--token-file=/x", "--password-file", "/y", "--key-file=/z", "--private-key-file", "/k"},
      {"ansible", "--private-key", "~/.ssh/id", "--private-key=/home/u/key"},
      {"app", "--no-password", "db"},
      {"app", "--password", "--verbose"},
      {"app", "--password-stdin", "x"},
      {"app", "--max-tokens", "100", "--num-tokens=5", "--max_new_tokens=64"},
      {"python3", "tokenizer.py", "--tokenizer=bert", "TOKENIZERS_PARALLELISM=false"},
      {"/usr/bin/passwd", "bob"},
      {"git", "commit", "-m", "add token parser"},
      {"git", "commit", "-m", "the --password x flag"},
      {"git", "-c", "credential.helper=store", "push"},
      {"ssh", "-p", "22", "host"},
      {"ssh", "-o", "PasswordAuthentication=no", "-oNumberOfPasswordPrompts=1", "user@host"},
      {"mkdir", "-p", "x"},
      {"docker", "run", "-p", "80:80", "--secret", "id=a,src=b", "i"},
      {"docker", "run", "--name", "mysql", "-p3306:3306", "mysql"},
      {"docker", "run", "--name", "curl", "-u", "1000:1000", "i"},
      {"mysql", "-p", "shop"},
      {"mysql", "--password", "shop"},
      {"mysql", "-P3306", "--port=3306"},
      {"scp", "user@host:path", "mailto:a@b", "C:\\tokens"},
      {"curl", "-u", "bob", "http://[::1]:80/", "https://bob@host/", "https://h/@scope/p:1@2", "-b", "jar.txt"},
      {"x", "http://h:8080/p@q", "ssh://git@host:22/r", "https://$USER.h/"},
      {"env", "PWD=/home/u", "OLDPWD=/", "GOOGLE_APPLICATION_CREDENTIALS=/k.json", "SSH_ASKPASS=/bin/x"},
      {"x", "PASSWORD=", "REQUIRE_TOKEN=true", "HAS_PASSWORD=1", "PASSWORD_FILE=/run/secrets/p"},
      {"chrome", "--password-store=basic", "--enable-features=PasswordManager,A:b/c"},
      {"postgres", "-c", "password_encryption=scram-sha-256"},
      {"gcc", "-lsecret-1", "a.o", "-Ipasswd/include"},
      {"ffmpeg", "-pass", "--two-pass=1", "-first-pass", "2"},
      {"apiserver", "--authorization-mode=Node,RBAC", "--authentication-token-webhook=true"},
      {"sh", "-c", "mysql -p\"$MYSQL_PWD\" --password=${PASS} -p$(cat /k)"},
      {"sh", "-c", "test \"$token\" == x || token = get_token()"},
      {"python3", "-c", "import sk-learn, eyJ, AKIA, ghp_import; bearer of news"},
      {"nginx: worker process"},
      {"x", "napi_key_all=0", "[credentials]: https://h/", "f(token=None, password=True)", "LoadCredential=a.b"},
      {"x", "Unexpected token: }", "image/secret:latest", "password: must be longer", "token:/x"},
      {"x", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----"},
  });
}

TEST(Redactor, TakesExtraNames) {
  const Redactor redactor({"pin-code", "--X_Ticket", "k"});
  const Arguments given = {"x",           "--pin_code", "12", "PIN_CODE=/a", "-Dfoo.pinCode=true",
                           "X-Ticket: a", "-k",         "v",  "--pins=1"};
  const Arguments expected = {
      "x",  "--pin_code", "[redacted]", "PIN_CODE=[redacted]", "-Dfoo.pinCode=[redacted]", "X-Ticket: [redacted]",
      "-k", "[redacted]", "--pins=1"};
  EXPECT_EQ(shown(redactor.redact(given)), shown(expected));
}

TEST(Redactor, CleansTexts) {
  const Redactor redactor;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"connecting to postgres://u:p@h/db failed", "connecting to postgres://u:[redacted]@h/db failed"},
      {"password=hunter2 for user bob", "password=[redacted] for user bob"},
      {"password: hunter2\nnext line", "password: [redacted]\nnext line"},
      {"error: --password requires a value", "error: --password requires a value"},
      {"error: invalid password: must be longer", "error: invalid password: must be longer"},
      {"Bearer token missing", "Bearer token missing"},
      {"sh -c \"mysql -px 'db'\" end", "sh -c \"mysql -p[redacted] 'db'\" end"},
      {"bash -c 'app --password x; ls -p y'", "bash -c 'app --password [redacted]; ls -p y'"},
      {"restart because mysql -px hung", "restart because mysql -p[redacted] hung"},
      {"GET /a?token=x HTTP/1.1\nCookie: a=b; c=d\nHost: h",
       "GET /a?token=[redacted] HTTP/1.1\nCookie: [redacted]\nHost: h"},
      {"\xFF\xFE=\x80:", "\xFF\xFE=\x80:"},
  };
  for (const auto& [given, expected] : cases) {
    EXPECT_EQ(redactor.redact_text(given), expected);
    EXPECT_EQ(redactor.redact_text(expected), expected);
  }
  EXPECT_EQ(redactor.redact_text("retry postgres://u:se", true), "retry postgres://u:[redacted]");
}

TEST(Redactor, SurvivesHostileArguments) {
  const Redactor redactor({"extra"});
  for (int value = 0; value < 256; ++value) {
    const Arguments one = {std::string(1, static_cast<char>(value)), "a" + std::string(1, static_cast<char>(value))};
    EXPECT_EQ(redactor.redact(one), one);
  }
  // Each piece makes one of the scanners look ahead; 64 KiB of it must not take its square in time.
  for (const char* piece :
       {"a",           "=",          ":",           " ",           "\"",      "'",        "\\",
        "-",           "a://",       "a:b://",      "?tokens=",    "?pwd=/a", "token:",   "{password: ",
        "sk-",         "eyJ-",       "password=",   "password= ",  "x=",      ";tokens=", "'cookie:a ",
        "-----BEGIN ", "Bearer ",    "tokens=\\\"", "password=${", "--",      "--token ", "a;",
        ",a=",         "tokens='\"", "mysql -p",    "curl -u ",    "pass:",   "@",        "pwd=/ "}) {
    std::string text;
    while (text.size() < 65536) text += piece;
    for (const bool truncated : {false, true}) {
      redactor.redact_text(text, truncated);
      redactor.redact({"sh", "-c", text}, truncated);
      redactor.redact({text}, truncated);
      const std::string secret = "password=" + text;
      EXPECT_EQ(redactor.redact({"x", "--" + secret}, truncated).back(), "--password=[redacted]");
    }
  }
}

TEST(Redactor, SurvivesQuotesWithinQuotes) {
  const std::string quotes(32000, '\'');
  EXPECT_EQ(Redactor().redact_text(quotes + "\" a b \"" + quotes), quotes + "\" a b \"" + quotes);
  EXPECT_EQ(Redactor().redact_text("ssh h \"sh -c 'mysql -pX'\""), "ssh h \"sh -c 'mysql -p[redacted]'\"");
}

}  // namespace
}  // namespace galproc
