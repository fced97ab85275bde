import java.util.ArrayList;
import java.util.List;

import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.protocol.Errors;

/** Prints each error code's message, and the classes of its exception, as JSON: its own, then what that extends. */
public class ErrorClasses {
    public static void main(String[] words) {
        List<String> lines = new ArrayList<>();
        for (Errors error : Errors.values()) {
            if (error.exception() != null) {
                lines.add(String.format("  \"%d\": {\"classes\": [%s], \"message\": %s}",
                    error.code(), String.join(", ", classes(error)), quoted(error.message())));
            }
        }
        System.out.println("{\n" + String.join(",\n", lines) + "\n}");
    }

    private static List<String> classes(Errors error) {
        List<String> names = new ArrayList<>();
        Class<?> its = error.exception().getClass();
        for (; ApiException.class.isAssignableFrom(its) && its != ApiException.class; its = its.getSuperclass()) {
            names.add(quoted(its.getName()));
        }
        return names;
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
