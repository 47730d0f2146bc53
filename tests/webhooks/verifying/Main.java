import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;

class Main {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\t", -1);
            Map<String, String> headers = new HashMap<>();
            String[] names = {"id", "timestamp", "signature"};
            for (int at = 0; at < names.length; at++) {
                if (!parts[at + 1].equals("-")) {
                    headers.put("webhook-" + names[at], parts[at + 1]);
                }
            }
            System.out.println(Webhooks.isOurs(parts[0], headers, Base64.getDecoder().decode(parts[4])));
        }
    }
}
