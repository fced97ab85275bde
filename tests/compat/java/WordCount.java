import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * Counts words: each word of the input topic gives one record of the output topic, the word and how often it has come.
 *
 * <p>{@code WordCount INPUT OUTPUT KEY=VALUE...}, the rest being Kafka Streams' settings. It says on stdout when its
 * state changes and how much it has restored, and goes on until it is killed.
 */
public final class WordCount {
    public static void main(String[] words) {
        Properties settings = new Properties();
        for (String word : Arrays.asList(words).subList(2, words.length)) {
            int sign = word.indexOf('=');
            settings.put(word.substring(0, sign), word.substring(sign + 1));
        }
        KafkaStreams streams = new KafkaStreams(counting(words[0], words[1]), settings);
        streams.setStateListener((now, before) -> System.out.println("state " + now));
        streams.setGlobalStateRestoreListener(new Restored());
        streams.start();
    }

    private static org.apache.kafka.streams.Topology counting(String input, String output) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(input)
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("words"))
            .count(Materialized.as("counts"))
            .toStream()
            .to(output, Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    private static final class Restored implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition partition, String store, long from, long to) {}

        @Override
        public void onBatchRestored(TopicPartition partition, String store, long last, long count) {}

        @Override
        public void onRestoreEnd(TopicPartition partition, String store, long count) {
            System.out.println("restored " + count + " records of " + partition);
        }
    }
}
