// Prints the topics that a client of kafkajs sees, one a line. Reads how to connect as JSON from stdin.
const fs = require('fs')
const { Kafka, logLevel } = require('kafkajs')

const way = JSON.parse(fs.readFileSync(0))
const ssl = { ca: [fs.readFileSync(way.authority)] }
if (way.certificate) ssl.cert = ssl.key = fs.readFileSync(way.certificate)
const sasl = way.mechanism && {
  mechanism: way.mechanism.toLowerCase(),
  username: way.user,
  password: way.secret,
  oauthBearerProvider: async () => ({ value: way.secret }),
}
const retry = { retries: 0 }
const kafka = new Kafka({ brokers: [way.bootstrap], ssl, sasl, retry, logLevel: logLevel.NOTHING, connectionTimeout: 20000 })

async function main() {
  const admin = kafka.admin()
  await admin.connect()
  console.log((await admin.listTopics()).join('\n'))
  await admin.disconnect()
}

main().then(() => process.exit(0), (error) => { console.error(`${error}`); process.exit(1) })
