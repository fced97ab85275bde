import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Runs kafka-dump-log once for each line of stdin, whose words are parted by tabs. After each run both stdout and stderr
 * get a line END; stderr's has the exception, if one ended the run, before it.
 */
public class DumpLogRuns {
    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                kafka.tools.DumpLogSegments.main(line.split("\t"));
            } catch (Throwable error) {
                System.err.println("EXCEPTION " + error);
            }
            System.out.println("\nEND");
            System.err.println("\nEND");
        }
    }
}
