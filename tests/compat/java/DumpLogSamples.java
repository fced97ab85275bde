import java.io.ByteArrayOutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.coordinator.group.generated.*;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogKey;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.log.remote.metadata.storage.RemoteLogSegmentMetadataSnapshot;
import org.apache.kafka.server.log.remote.metadata.storage.serialization.RemoteLogMetadataSerde;
import org.apache.kafka.server.log.remote.storage.RemoteLogMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentId;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadataUpdate;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentState;
import org.apache.kafka.server.log.remote.storage.RemotePartitionDeleteMetadata;
import org.apache.kafka.server.log.remote.storage.RemotePartitionDeleteState;

/** Writes log files, by Kafka's own classes, with everything that kafka-dump-log has a decoder for: DumpLogSamples DIR. */
public class DumpLogSamples {
    private static final String FIRST = "00000000000000000000.log";
    private static final long TIME = 1700000000000L;
    private static int number = 1;

    public static void main(String[] args) throws Exception {
        Path root = Path.of(args[0]);
        write(root.resolve("groups-0"), withCuts(groupRecords()));
        write(root.resolve("transactions-0"), transactionRecords());
        write(root.resolve("metadata-0"), withCuts(metadataRecords()));
        write(root.resolve("remote-0"), withCuts(remoteRecords()));
        write(root.resolve("texts-0"), texts());
        Path quorum = Files.createDirectories(root.resolve("quorum-0"));
        byte[] snapshot = snapshot();
        Files.write(quorum.resolve("00000000000000000042-0000000003.checkpoint"), snapshot);
        Files.write(quorum.resolve("bootstrap.checkpoint"), snapshot);
        Path old = Files.createDirectories(root.resolve("old-0"));
        Files.write(old.resolve(FIRST), oldFormats());
    }

    private static void write(Path folder, List<SimpleRecord> records) throws Exception {
        Files.createDirectories(folder);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long offset = 0;
        for (int at = 0; at < records.size(); at += 7) {
            List<SimpleRecord> some = records.subList(at, Math.min(at + 7, records.size()));
            out.write(bytes(MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V2, offset, Compression.NONE,
                TimestampType.CREATE_TIME, -1, (short) -1, -1, 5, false, some.toArray(new SimpleRecord[0]))));
            offset += some.size();
        }
        Files.write(folder.resolve(FIRST), out.toByteArray());
    }

    private static byte[] bytes(MemoryRecords records) {
        byte[] bytes = new byte[records.sizeInBytes()];
        records.buffer().duplicate().get(bytes);
        return bytes;
    }

    /** Every record, and after it the same with its key or value cut short and with a byte too many. */
    private static List<SimpleRecord> withCuts(List<SimpleRecord> records) {
        List<SimpleRecord> all = new ArrayList<>();
        for (SimpleRecord record : records) {
            all.add(record);
            byte[] key = record.key() == null ? null : array(record.key());
            byte[] value = record.value() == null ? null : array(record.value());
            if (key != null)
                all.add(new SimpleRecord(TIME, Arrays.copyOf(key, key.length - 1), value));
            if (value != null) {
                for (int cut = 1; cut <= value.length; cut = cut * 2)
                    all.add(new SimpleRecord(TIME, key, Arrays.copyOf(value, value.length - cut)));
                all.add(new SimpleRecord(TIME, key, Arrays.copyOf(value, value.length + 1)));
                if (value.length > 1) {
                    byte[] newer = value.clone();
                    newer[1] += 9;
                    all.add(new SimpleRecord(TIME, key, newer));
                }
            }
        }
        return all;
    }

    private static byte[] array(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static List<SimpleRecord> groupRecords() throws Exception {
        List<SimpleRecord> records = new ArrayList<>();
        Map<ApiMessage, ApiMessage> kinds = new java.util.LinkedHashMap<>();
        kinds.put(new OffsetCommitKey(), new OffsetCommitValue());
        kinds.put(new GroupMetadataKey(), new GroupMetadataValue());
        kinds.put(new ConsumerGroupMetadataKey(), new ConsumerGroupMetadataValue());
        kinds.put(new ConsumerGroupPartitionMetadataKey(), new ConsumerGroupPartitionMetadataValue());
        kinds.put(new ConsumerGroupMemberMetadataKey(), new ConsumerGroupMemberMetadataValue());
        kinds.put(new ConsumerGroupTargetAssignmentMetadataKey(), new ConsumerGroupTargetAssignmentMetadataValue());
        kinds.put(new ConsumerGroupTargetAssignmentMemberKey(), new ConsumerGroupTargetAssignmentMemberValue());
        kinds.put(new ConsumerGroupCurrentMemberAssignmentKey(), new ConsumerGroupCurrentMemberAssignmentValue());
        for (Map.Entry<ApiMessage, ApiMessage> kind : kinds.entrySet()) {
            ApiMessage key = kind.getKey();
            fill(key);
            for (short type = key.lowestSupportedVersion(); type <= key.highestSupportedVersion(); type++) {
                byte[] keyBytes = MessageUtil.toVersionPrefixedBytes(type, key);
                records.add(new SimpleRecord(TIME, keyBytes, null));
                for (byte[] value : everyVersion(kind.getValue()))
                    records.add(new SimpleRecord(TIME, keyBytes, value));
            }
        }
        byte[] group = MessageUtil.toVersionPrefixedBytes((short) 2, new GroupMetadataKey().setGroup("g"));
        for (String type : List.of(ConsumerProtocol.PROTOCOL_TYPE, "connect"))
            for (short version = 0; version <= 3; version++)
                records.add(new SimpleRecord(TIME, group, MessageUtil.toVersionPrefixedBytes(
                    (short) 3, groupOfConsumers(type, version))));
        records.add(new SimpleRecord(TIME, new byte[]{0, 11, 0, 1, 'g'}, null));
        records.add(new SimpleRecord(TIME, new byte[]{-1, -1, 0, 1, 'g'}, null));
        records.add(new SimpleRecord(TIME, new byte[]{0, 2, -1, -1}, null));
        return records;
    }

    private static GroupMetadataValue groupOfConsumers(String type, short version) throws Exception {
        ConsumerProtocolSubscription subscription = new ConsumerProtocolSubscription();
        ConsumerProtocolAssignment assignment = new ConsumerProtocolAssignment();
        fill(subscription);
        fill(assignment);
        GroupMetadataValue.MemberMetadata member = new GroupMetadataValue.MemberMetadata()
            .setMemberId("m").setClientId("c").setClientHost("/h").setSessionTimeout(1)
            .setSubscription(MessageUtil.toVersionPrefixedBytes(version, subscription))
            .setAssignment(MessageUtil.toVersionPrefixedBytes(version, assignment));
        GroupMetadataValue.MemberMetadata other = member.duplicate().setSubscription(new byte[0])
            .setAssignment(Arrays.copyOf(member.assignment(), member.assignment().length - 1));
        return new GroupMetadataValue().setProtocolType(type).setProtocol("range").setLeader("m")
            .setMembers(List.of(member, other));
    }

    private static List<SimpleRecord> transactionRecords() throws Exception {
        List<SimpleRecord> records = new ArrayList<>();
        for (int topics = 0; topics < 12; topics += 3)
            for (byte state = 0; state <= 7; state++)
                for (short version = 0; version <= 1; version++) {
                    TransactionLogKey key = new TransactionLogKey().setTransactionalId("tä-" + topics);
                    TransactionLogValue value = new TransactionLogValue();
                    fill(value);
                    List<TransactionLogValue.PartitionsSchema> partitions = new ArrayList<>();
                    for (int topic = 0; topic < topics; topic++)
                        partitions.add(new TransactionLogValue.PartitionsSchema().setTopic("topic-" + topic)
                            .setPartitionIds(topic % 2 == 0 ? List.of(0) : List.of(0, 7, 1)));
                    value.setTransactionStatus(state).setTransactionPartitions(partitions);
                    records.add(new SimpleRecord(TIME, MessageUtil.toVersionPrefixedBytes((short) 0, key),
                        MessageUtil.toVersionPrefixedBytes(version, value)));
                }
        byte[] key = MessageUtil.toVersionPrefixedBytes((short) 0, new TransactionLogKey().setTransactionalId("t"));
        records.add(new SimpleRecord(TIME, key, null));
        records.add(new SimpleRecord(TIME, new byte[]{0, 9, 0, 0}, null));
        records.add(new SimpleRecord(TIME, key, new byte[]{0, 9, 0, 0}));
        return records;
    }

    private static List<SimpleRecord> metadataRecords() throws Exception {
        List<SimpleRecord> records = new ArrayList<>();
        for (MetadataRecordType type : MetadataRecordType.values())
            for (ApiMessageAndVersion each : versions(type.newMetadataRecord()))
                records.add(new SimpleRecord(TIME, (byte[]) null, framed(each)));
        for (byte[] wrong : List.of(new byte[]{}, new byte[]{0, 2, 0}, new byte[]{2, 2, 0}, new byte[]{1, 99, 0},
                new byte[]{1}, new byte[]{1, 2}, new byte[]{-1, -1, -1, 1, 0}, new byte[]{-1, -1, -1, -1, -1, -1}))
            records.add(new SimpleRecord(TIME, (byte[]) null, wrong));
        records.add(new SimpleRecord(TIME, (byte[]) null, null));
        return records;
    }

    private static byte[] framed(ApiMessageAndVersion message) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int size = MetadataRecordSerde.INSTANCE.recordSize(message, cache);
        ByteBufferAccessor writable = new ByteBufferAccessor(ByteBuffer.allocate(size));
        MetadataRecordSerde.INSTANCE.write(message, cache, writable);
        return writable.buffer().array();
    }

    private static List<SimpleRecord> remoteRecords() {
        TopicIdPartition partition = new TopicIdPartition(new Uuid(1, 2), new TopicPartition("töpic", 3));
        RemoteLogSegmentId segment = new RemoteLogSegmentId(partition, new Uuid(3, 4));
        Map<Integer, Long> epochs = new TreeMap<>(Map.of(0, 0L, 7, 100L, 3, 50L));
        CustomMetadata custom = new CustomMetadata(new byte[]{1, 2, 3});
        List<RemoteLogMetadata> all = new ArrayList<>();
        all.add(new RemoteLogSegmentMetadata(segment, 0, 100, TIME, 1, TIME + 1, 1024, epochs));
        for (RemoteLogSegmentState state : RemoteLogSegmentState.values()) {
            all.add(new RemoteLogSegmentMetadata(segment, 0, 100, TIME, 1, TIME + 1, 1024, Optional.of(custom), state, epochs));
            all.add(new RemoteLogSegmentMetadataUpdate(segment, TIME, Optional.of(custom), state, 2));
            all.add(new RemoteLogSegmentMetadataUpdate(segment, TIME, Optional.empty(), state, 2));
            all.add(new RemoteLogSegmentMetadataSnapshot(new Uuid(5, 6), 0, 100, TIME, 1, TIME, 1024,
                Optional.empty(), state, epochs));
        }
        for (RemotePartitionDeleteState state : RemotePartitionDeleteState.values())
            all.add(new RemotePartitionDeleteMetadata(partition, state, TIME, 4));
        List<SimpleRecord> records = new ArrayList<>();
        for (RemoteLogMetadata each : all)
            records.add(new SimpleRecord(TIME, (byte[]) null, new RemoteLogMetadataSerde().serialize(each)));
        records.add(new SimpleRecord(TIME, (byte[]) null, null));
        return records;
    }

    private static List<SimpleRecord> texts() {
        List<SimpleRecord> records = new ArrayList<>();
        List<byte[]> texts = new ArrayList<>();
        for (String text : List.of("", "plain", "ümläut \uD83D\uDE00", "two\nlines\r\n\ttab \u0001\u001f\u007f \\ \""))
            texts.add(text.getBytes(StandardCharsets.UTF_8));
        texts.add(new byte[]{'a', -1, 'b', -61, 'c', -30, -126, 'd', -16, -97, -104});
        texts.add(new byte[]{-19, -96, -128, 'x', -64, -128, -8, -120, -128, -128, -128});
        texts.add(new byte[]{0, 0, 0, 42});
        texts.add(new byte[]{-1, -1, -1, -1, -1, -1, -1, -2, 9});
        texts.add(null);
        for (byte[] key : texts)
            for (byte[] value : texts)
                records.add(new SimpleRecord(TIME, key, value));
        return records;
    }

    private static byte[] snapshot() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        VotersRecord voters = new VotersRecord();
        fill(voters);
        LeaderChangeMessage leader = new LeaderChangeMessage().setVersion((short) 0).setLeaderId(1)
            .setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1)));
        for (int kind = 0; kind < 5; kind++) {
            ByteBuffer buffer = ByteBuffer.allocate(4096);
            MemoryRecordsBuilder builder = new MemoryRecordsBuilder(buffer, RecordBatch.MAGIC_VALUE_V2, Compression.NONE,
                TimestampType.CREATE_TIME, kind, TIME, -1, (short) -1, -1, false, true, 3, 4096);
            switch (kind) {
                case 0: builder.appendSnapshotHeaderMessage(TIME,
                    new SnapshotHeaderRecord().setVersion((short) 0).setLastContainedLogTimestamp(TIME)); break;
                case 1: builder.appendKRaftVersionMessage(TIME,
                    new KRaftVersionRecord().setVersion((short) 0).setKRaftVersion((short) 1)); break;
                case 2: builder.appendVotersMessage(TIME, voters.setVersion((short) 0)); break;
                case 3: builder.appendLeaderChangeMessage(TIME, leader); break;
                default: builder.appendSnapshotFooterMessage(TIME, new SnapshotFooterRecord().setVersion((short) 0));
            }
            out.write(bytes(builder.build()));
        }
        return out.toByteArray();
    }

    private static byte[] oldFormats() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long offset = 0;
        for (byte magic : new byte[]{0, 1})
            for (CompressionType codec : List.of(CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY,
                    CompressionType.LZ4))
                for (TimestampType type : List.of(TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME)) {
                    if (magic == 0 && type == TimestampType.LOG_APPEND_TIME)
                        continue;
                    MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(4096), magic,
                        Compression.of(codec).build(), type, offset, TIME + 5, -1, (short) -1, -1, false, false, -1, 4096);
                    for (int each = 0; each < 3; each++)
                        builder.append(magic == 0 ? -1 : TIME + each, each == 0 ? null : ("k" + each).getBytes(),
                            each == 2 ? null : ("value " + each).getBytes());
                    out.write(bytes(builder.build()));
                    offset += 3;
                }
        return out.toByteArray();
    }

    // Values for every field of a generated message.

    private static List<byte[]> everyVersion(ApiMessage message) throws Exception {
        List<byte[]> all = new ArrayList<>();
        for (ApiMessageAndVersion each : versions(message))
            all.add(MessageUtil.toVersionPrefixedBytes(each.version(), each.message()));
        return all;
    }

    private static List<ApiMessageAndVersion> versions(ApiMessage empty) throws Exception {
        List<ApiMessageAndVersion> all = new ArrayList<>();
        for (short version = empty.lowestSupportedVersion(); version <= empty.highestSupportedVersion(); version++) {
            all.add(new ApiMessageAndVersion(empty, version));
            ApiMessage filled = (ApiMessage) empty.duplicate();
            fill(filled);
            try {
                MessageUtil.toVersionPrefixedBytes(version, filled);
                all.add(new ApiMessageAndVersion(filled, version));
            } catch (RuntimeException cannotCarryAll) {
                continue;
            }
        }
        return all;
    }

    private static void fill(Message message) throws Exception {
        for (Method method : message.getClass().getMethods())
            if (method.getName().startsWith("set") && method.getParameterCount() == 1
                    && method.getReturnType() == message.getClass())
                method.invoke(message, value(method.getGenericParameterTypes()[0]));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object value(Type type) throws Exception {
        int next = number++;
        if (type == byte.class) return (byte) (next % 3);
        if (type == short.class) return (short) next;
        if (type == int.class) return next % 60000;
        if (type == long.class) return TIME + next;
        if (type == double.class) return 12345678.9 * next;
        if (type == boolean.class) return true;
        if (type == String.class) return "text-" + next + " \"ä\"\n";
        if (type == Uuid.class) return new Uuid(next, ~next);
        if (type == byte[].class) return new byte[]{1, 2, (byte) next};
        if (type == ByteBuffer.class) return ByteBuffer.wrap(new byte[]{4, 5, (byte) next});
        if (type instanceof ParameterizedType) {
            Type element = ((ParameterizedType) type).getActualTypeArguments()[0];
            List list = new ArrayList();
            list.add(box(element));
            list.add(box(element));
            return list;
        }
        Class<?> made = (Class<?>) type;
        Object object = made.getDeclaredConstructor().newInstance();
        if (object instanceof Message)
            fill((Message) object);
        else {
            Type element = ((ParameterizedType) made.getGenericSuperclass()).getActualTypeArguments()[0];
            ((Collection) object).add(value(element));
            ((Collection) object).add(value(element));
        }
        return object;
    }

    private static Object box(Type element) throws Exception {
        if (element == Integer.class) return value(int.class);
        if (element == Byte.class) return value(byte.class);
        return value(element);
    }
}
