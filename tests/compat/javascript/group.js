// Creates a topic, produces to it, reads it back in a group, commits; prints what it read as JSON.
const { Kafka, logLevel } = require('kafkajs')

const [bootstrap, topic, group, count] = process.argv.slice(2)
const kafka = new Kafka({ clientId: 'peer', brokers: [bootstrap], logLevel: logLevel.ERROR })

async function main() {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  const messages = [...Array(Number(count)).keys()].map((n) => ({ key: `${n}`, value: `v${n}`, headers: { h: 'x' } }))
  await producer.send({ topic, messages, acks: -1 })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: group })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const read = []
  await new Promise((resolve, reject) => {
    consumer.run({
      eachMessage: async ({ message }) => {
        read.push([message.key.toString(), message.value.toString(), message.headers.h.toString()])
        if (read.length === Number(count)) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
  const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  console.log(JSON.stringify({ read, committed: offsets[0].partitions.map((p) => Number(p.offset)) }))
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
