import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.postgresql.PGConnection;

/**
 * The fold of bench/fold.py on Kafka Streams, exactly once, with its result in PostgreSQL.
 *
 * <p>Each partition keeps its own sums (no repartitioning); a writer in this JVM reads the stores'
 * changelogs with read_committed and keeps the totals over partitions in a table. It writes absolute
 * values and reads the changelogs from their start, so a repeated write changes nothing and a result
 * of an aborted transaction is never seen. That is the cheapest exact way to PostgreSQL that we found:
 * no output topic, and a quarter of the rows that one row for each partition would be.
 *
 * <p>A line on standard input starts a run; "first" is printed at the first event, "done" when
 * PostgreSQL holds them all.
 */
public final class StreamsFold {
  private static final Duration COMMIT_INTERVAL = Duration.ofMillis(100);
  private static final long CACHE_BYTES = 64L << 20;

  private StreamsFold() {}

  public static void main(String[] arguments) throws Exception {
    var job = new Job(
        arguments[0], arguments[1], Long.parseLong(arguments[2]), arguments[3].split(","),
        arguments[4], Path.of(arguments[5]));
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String id = input.readLine(); id != null; id = input.readLine()) {
      run(job, id.strip());
    }
  }

  /** What is folded: the views are named by the field that they group by, beside the day. */
  record Job(
      String servers, String topic, long events, String[] views, String jdbc, Path state) {}

  private static void run(Job job, String id) throws Exception {
    var application = "streams-" + id;
    var begun = new AtomicBoolean();
    try (var streams = new KafkaStreams(topology(job, begun), settings(job, application));
        var writer = new Writer(job, application)) {
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
          });
      streams.start();
      writer.writeAll();
      System.out.printf(
          "done %d %d%n", writer.rowsWritten, writer.changesRead);
    }
    forget(job, application);
    System.out.println("ready");
  }

  private static Topology topology(Job job, AtomicBoolean begun) {
    var topology = new Topology();
    topology.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), job.topic);
    topology.addProcessor("fold", () -> new Fold(job.views, begun), "events");
    for (String view : job.views) {
      var store =
          Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(view), Serdes.String(), Sum.SERDE)
              .withCachingEnabled()
              .withLoggingEnabled(Map.of());
      topology.addStateStore(store, "fold");
    }
    return topology;
  }

  private static Properties settings(Job job, String application) {
    var settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.servers);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, job.state.toString());
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_INTERVAL.toMillis());
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    settings.put(
        StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
    settings.put(
        StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 2 << 20);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    return settings;
  }

  /** Internal topics of a run that is over; the broker's disk is not what is measured. */
  private static void forget(Job job, String application) throws Exception {
    try (var admin = Admin.create(Map.of("bootstrap.servers", (Object) job.servers))) {
      List<String> internal =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(application))
              .toList();
      admin.deleteTopics(internal).all().get();
    }
  }

  /** What one key of a view holds. */
  record Sum(long amountMinor, long count) {
    static final Serde<Sum> SERDE =
        Serdes.serdeFrom(
            (topic, sum) ->
                sum == null
                    ? null
                    : ByteBuffer.allocate(16).putLong(sum.amountMinor).putLong(sum.count).array(),
            (topic, bytes) -> bytes == null ? null : of(bytes));

    static Sum of(byte[] bytes) {
      var buffer = ByteBuffer.wrap(bytes);
      return new Sum(buffer.getLong(), buffer.getLong());
    }
  }

  /** Adds each event to its row of every view. */
  static final class Fold implements Processor<byte[], byte[], Void, Void> {
    private final String[] views;
    private final AtomicBoolean begun;
    private final Deal deal;
    private final List<KeyValueStore<String, Sum>> stores = new ArrayList<>();

    Fold(String[] views, AtomicBoolean begun) {
      this.views = views;
      this.begun = begun;
      this.deal = new Deal(views.length > 1);
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      for (String view : views) {
        stores.add(context.getStateStore(view));
      }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      if (!begun.get() && begun.compareAndSet(false, true)) {
        System.out.println("first");
      }
      deal.read(record.value());
      for (int i = 0; i < views.length; i++) {
        var key = deal.day + deal.member(views[i]);
        var store = stores.get(i);
        var sum = store.get(key);
        store.put(
            key,
            sum == null
                ? new Sum(deal.amountMinor, 1)
                : new Sum(sum.amountMinor + deal.amountMinor, sum.count + 1));
      }
    }
  }

  /** The fields that are needed of an event's JSON; all others are skipped unread. */
  static final class Deal {
    private static final JsonFactory JSON = new JsonFactory();

    long amountMinor;
    String day;
    private final boolean withDimensions;
    private String owner;
    private String channel;
    private String region;

    Deal(boolean withDimensions) {
      this.withDimensions = withDimensions;
    }

    String member(String view) {
      return switch (view) {
        case "owner" -> owner;
        case "channel" -> channel;
        case "region" -> region;
        default -> throw new IllegalArgumentException(view);
      };
    }

    void read(byte[] data) {
      owner = channel = region = null;
      try (JsonParser json = JSON.createParser(data)) {
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          var isData = json.currentName().equals("data");
          json.nextToken();
          if (isData) {
            readData(json);
          } else {
            json.skipChildren();
          }
        }
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    private void readData(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        var isDeal = json.currentName().equals("deal");
        json.nextToken();
        if (isDeal) {
          readDeal(json);
        } else {
          json.skipChildren();
        }
      }
    }

    private void readDeal(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        var name = json.currentName();
        json.nextToken();
        switch (name) {
          case "closed_at" -> day = json.getText().substring(0, 10);
          case "owners" -> readOwners(json);
          case "dimensions" -> {
            if (withDimensions) {
              readDimensions(json);
            } else {
              json.skipChildren();
            }
          }
          case "amount" -> readAmount(json);
          default -> json.skipChildren();
        }
      }
    }

    private void readOwners(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.START_OBJECT) {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          var isFirst = owner == null && json.currentName().equals("owner_id");
          json.nextToken();
          if (isFirst) {
            owner = json.getText();
          }
        }
      }
    }

    private void readDimensions(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        var name = json.currentName();
        json.nextToken();
        if (name.equals("channel")) {
          channel = json.getText();
        } else if (name.equals("region")) {
          region = json.getText();
        }
      }
    }

    private void readAmount(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        var isAmount = json.currentName().equals("amount_minor");
        json.nextToken();
        if (isAmount) {
          amountMinor = json.getLongValue();
        }
      }
    }
  }

  /** Keeps the totals over all partitions in PostgreSQL, one transaction at a time. */
  static final class Writer implements AutoCloseable {
    private static final String UPSERT =
        "INSERT INTO view_sums (view, day, member, deals, amount_minor)"
            + " SELECT * FROM unnest(?::smallint[], ?::int[], ?::int[], ?::bigint[], ?::bigint[])"
            + " ON CONFLICT (view, day, member)"
            + " DO UPDATE SET deals = excluded.deals, amount_minor = excluded.amount_minor";
    private static final int DAYS_BEFORE_1970 = 719_163; // of Python's date.toordinal

    record Key(short view, int day, int member) {}

    private final Job job;
    private final String application;
    private final KafkaConsumer<byte[], byte[]> changes;
    private final Connection database;
    private final PreparedStatement upsert;
    private final Map<String, Map<TopicPartition, Sum>> parts = new HashMap<>();
    private final Map<Key, Sum> totals = new HashMap<>();
    private final Set<Key> changed = new HashSet<>();
    private long counted;
    long rowsWritten;
    long changesRead;

    Writer(Job job, String application) throws SQLException {
      this.job = job;
      this.application = application;
      changes =
          new KafkaConsumer<>(
              Map.of(
                  "bootstrap.servers", job.servers,
                  "isolation.level", "read_committed",
                  "enable.auto.commit", false,
                  "max.poll.records", 50_000,
                  "max.partition.fetch.bytes", 2 << 20),
              new ByteArrayDeserializer(),
              new ByteArrayDeserializer());
      database = DriverManager.getConnection(job.jdbc);
      try (Statement statement = database.createStatement()) {
        statement.execute("TRUNCATE view_sums");
      }
      database.setAutoCommit(false);
      upsert = database.prepareStatement(UPSERT);
    }

    /** Returns when the table holds every event in every view. */
    void writeAll() throws SQLException, InterruptedException {
      changes.assign(changelogs());
      changes.seekToBeginning(changes.assignment());
      long writtenAt = System.nanoTime();
      while (counted < job.events * job.views.length || !changed.isEmpty()) {
        for (ConsumerRecord<byte[], byte[]> change : changes.poll(Duration.ofMillis(20))) {
          add(change);
        }
        if (!changed.isEmpty() && System.nanoTime() - writtenAt >= COMMIT_INTERVAL.toNanos()) {
          writtenAt = System.nanoTime();
          write();
        }
      }
    }

    private Collection<TopicPartition> changelogs() throws InterruptedException {
      List<TopicPartition> found = new ArrayList<>();
      for (String view : job.views) {
        var topic = application + "-" + view + "-changelog";
        List<PartitionInfo> partitions = changes.listTopics().get(topic);
        while (partitions == null) {
          Thread.sleep(20);
          partitions = changes.listTopics().get(topic);
        }
        partitions.forEach(p -> found.add(new TopicPartition(topic, p.partition())));
      }
      return found;
    }

    private void add(ConsumerRecord<byte[], byte[]> change) {
      changesRead++;
      var text = new String(change.key(), StandardCharsets.UTF_8);
      var view = change.topic().substring(application.length() + 1).replace("-changelog", "");
      var key =
          new Key(
              (short) List.of(job.views).indexOf(view),
              (int) LocalDate.parse(text.substring(0, 10)).toEpochDay() + DAYS_BEFORE_1970,
              Integer.parseInt(text, 11, text.length(), 10)); // "o17", "c3", "r20"
      var now = Sum.of(change.value());
      var before =
          parts
              .computeIfAbsent(text, unused -> new HashMap<>())
              .put(new TopicPartition(change.topic(), change.partition()), now);
      long amount = now.amountMinor - (before == null ? 0 : before.amountMinor);
      long count = now.count - (before == null ? 0 : before.count);
      totals.merge(
          key,
          new Sum(amount, count),
          (a, b) -> new Sum(a.amountMinor + b.amountMinor, a.count + b.count));
      changed.add(key);
      counted += count;
    }

    private void write() throws SQLException {
      int size = changed.size();
      var views = new short[size];
      var days = new int[size];
      var members = new int[size];
      var counts = new long[size];
      var amounts = new long[size];
      int i = 0;
      for (Key key : changed) {
        var total = totals.get(key);
        views[i] = key.view;
        days[i] = key.day;
        members[i] = key.member;
        amounts[i] = total.amountMinor;
        counts[i] = total.count;
        i++;
      }
      var arrays = database.unwrap(PGConnection.class); // takes arrays of primitives, sent as binary
      upsert.setArray(1, arrays.createArrayOf("int2", views));
      upsert.setArray(2, arrays.createArrayOf("int4", days));
      upsert.setArray(3, arrays.createArrayOf("int4", members));
      upsert.setArray(4, arrays.createArrayOf("int8", counts));
      upsert.setArray(5, arrays.createArrayOf("int8", amounts));
      upsert.execute();
      database.commit();
      rowsWritten += size;
      changed.clear();
    }

    @Override
    public void close() throws SQLException {
      changes.close();
      database.close();
    }
  }
}
