import java.util.Iterator;
import java.util.TreeMap;

import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;

/** Prints the keys of Kafka's clients as JSON: type, default, bounds and importance of each that is not internal. */
public class ClientKeys {
    public static void main(String[] words) {
        System.out.println("{");
        print("admin", AdminClientConfig.configDef(), ",");
        print("consumer", ConsumerConfig.configDef(), ",");
        print("producer", ProducerConfig.configDef(), "");
        System.out.println("}");
    }

    private static void print(String client, ConfigDef keys, String end) {
        System.out.println(quoted(client) + ": {");
        TreeMap<String, ConfigDef.ConfigKey> shown = new TreeMap<>(keys.configKeys());
        shown.values().removeIf(key -> key.internalConfig);
        for (Iterator<ConfigDef.ConfigKey> left = shown.values().iterator(); left.hasNext(); ) {
            ConfigDef.ConfigKey key = left.next();
            System.out.printf(
                "  %s: {\"type\": %s, \"default\": %s, \"required\": %s, \"valid\": %s, \"importance\": %s}%s%n",
                quoted(key.name), quoted(key.type), quoted(defaultOf(key)), !key.hasDefault(), quoted(key.validator),
                quoted(key.importance), left.hasNext() ? "," : "");
        }
        System.out.println("}" + end);
    }

    private static String defaultOf(ConfigDef.ConfigKey key) {
        if (!key.hasDefault() || key.defaultValue == null)
            return null;
        return ConfigDef.convertToString(key.defaultValue, key.type).replace("class ", "");
    }

    private static String quoted(Object value) {
        return value == null ? "null" : '"' + value.toString().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
