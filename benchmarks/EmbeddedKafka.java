import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import kafka.server.KafkaConfig;
import kafka.server.KafkaServer;
import org.apache.kafka.common.utils.Time;
import org.apache.zookeeper.server.NIOServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/** What Java's test fixtures do: ZooKeeper and a broker in the process of the test. Prints the seconds that took. */
public class EmbeddedKafka {
    public static void main(String[] arguments) throws Exception {
        long began = System.nanoTime();
        Path folder = Files.createTempDirectory("embedded-kafka");
        NIOServerCnxnFactory factory = new NIOServerCnxnFactory();
        factory.configure(new InetSocketAddress("127.0.0.1", 0), 0);
        factory.startup(new ZooKeeperServer(folder.toFile(), folder.toFile(), 2000));
        KafkaServer broker = new KafkaServer(
                KafkaConfig.fromProps(properties(Map.of(
                        "broker.id", "0",
                        "listeners", "PLAINTEXT://127.0.0.1:0",
                        "log.dirs", folder.resolve("kafka").toString(),
                        "zookeeper.connect", "127.0.0.1:" + factory.getLocalPort(),
                        "offsets.topic.replication.factor", "1"))),
                Time.SYSTEM, scala.Option.empty(), false);
        broker.startup();
        System.out.println((System.nanoTime() - began) / 1e9);
        Runtime.getRuntime().halt(0);
    }

    private static java.util.Properties properties(Map<String, String> values) {
        java.util.Properties found = new java.util.Properties();
        found.putAll(values);
        return found;
    }
}
