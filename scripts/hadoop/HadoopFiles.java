import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.*;
import org.apache.hadoop.io.compress.*;
import org.apache.hadoop.util.ReflectionUtils;

/** Hadoop's own classes, for check-hadoop-files.mjs: writes files that Iskra is to read, and reads what Iskra wrote. */
public class HadoopFiles {
  static final Configuration CONF = new Configuration();
  static int SCALE = 1;

  public static void main(String[] args) throws Exception {
    Path dir = Paths.get(args[1]);
    if (args.length > 2) SCALE = Integer.parseInt(args[2]);
    if (args[0].equals("write")) write(dir);
    else read(dir);
  }

  static List<String> lines() {
    return IntStream.range(0, 30000 / SCALE).mapToObj(i -> "line " + i + " " + (i * 7919L) % 1000).collect(Collectors.toList());
  }

  static CompressionCodec codec(String name) throws Exception {
    Class<?> c = Class.forName("org.apache.hadoop.io.compress." + name);
    return (CompressionCodec) ReflectionUtils.newInstance(c, CONF);
  }

  static final String[] CODECS = {"GzipCodec", "DefaultCodec", "BZip2Codec", "Lz4Codec", "SnappyCodec"};

  static void write(Path dir) throws Exception {
    byte[] text = (String.join("\n", lines()) + "\n").getBytes(StandardCharsets.UTF_8);
    for (String name : CODECS) {
      CompressionCodec codec = codec(name);
      try (OutputStream out = codec.createOutputStream(Files.newOutputStream(dir.resolve("lines" + codec.getDefaultExtension())))) {
        out.write(text);
      }
      try (OutputStream out = codec.createOutputStream(Files.newOutputStream(dir.resolve("empty" + codec.getDefaultExtension())))) {
      }
    }
    // Hadoop's ZStandardCodec needs its native library; the frames are the same.
    try (OutputStream out = new ZstdOutputStream(Files.newOutputStream(dir.resolve("lines.zst")))) {
      out.write(text);
    }
    sequence(dir, "none", SequenceFile.CompressionType.NONE, "DefaultCodec", 20000 / SCALE);
    for (String name : CODECS) {
      sequence(dir, "record-" + name, SequenceFile.CompressionType.RECORD, name, 300 / SCALE);
      sequence(dir, "block-" + name, SequenceFile.CompressionType.BLOCK, name, 20000 / SCALE);
    }
    sequence(dir, "empty", SequenceFile.CompressionType.NONE, "DefaultCodec", 0);
    try (SequenceFile.Writer w = writer(dir, "types", IntWritable.class, DoubleWritable.class, SequenceFile.CompressionType.NONE, "DefaultCodec")) {
      for (int i = -2; i < 3; i++) w.append(new IntWritable(i * 1000000), new DoubleWritable(i / 4.0));
    }
    try (SequenceFile.Writer w = writer(dir, "bytes", BooleanWritable.class, BytesWritable.class, SequenceFile.CompressionType.BLOCK, "DefaultCodec")) {
      for (int i = 0; i < 5; i++) w.append(new BooleanWritable(i % 2 == 0), new BytesWritable(new byte[] {(byte) i, (byte) 200}));
    }
    try (SequenceFile.Writer w = writer(dir, "vlong", VLongWritable.class, FloatWritable.class, SequenceFile.CompressionType.NONE, "DefaultCodec")) {
      for (long v : new long[] {0, -1, 127, 128, -112, -113, -129, 65536, 1L << 40, -(1L << 40)}) w.append(new VLongWritable(v), new FloatWritable(0.5f));
    }
  }

  static SequenceFile.Writer writer(Path dir, String name, Class<?> k, Class<?> v, SequenceFile.CompressionType type, String codec) throws Exception {
    return SequenceFile.createWriter(CONF,
        SequenceFile.Writer.file(new org.apache.hadoop.fs.Path("file:" + dir.resolve("seq-" + name))),
        SequenceFile.Writer.keyClass(k), SequenceFile.Writer.valueClass(v),
        SequenceFile.Writer.compression(type, codec(codec)));
  }

  static void sequence(Path dir, String name, SequenceFile.CompressionType type, String codec, int n) throws Exception {
    try (SequenceFile.Writer w = writer(dir, name, Text.class, LongWritable.class, type, codec)) {
      for (int i = 0; i < n; i++) w.append(new Text("key " + i + " \u00e4"), new LongWritable(i * 1000003L));
    }
  }

  /** Prints what each file below the directory holds, a line a record, after a line with its name. */
  static void read(Path dir) throws Exception {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(dir)) {
      files = walk.filter(p -> p.getFileName().toString().startsWith("part-")).sorted().collect(Collectors.toList());
    }
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, "UTF-8");
    CompressionCodecFactory codecs = new CompressionCodecFactory(CONF);
    for (Path file : files) {
      out.println("== " + dir.relativize(file));
      if (dir.relativize(file).toString().startsWith("seq")) {
        try (SequenceFile.Reader r = new SequenceFile.Reader(CONF, SequenceFile.Reader.file(new org.apache.hadoop.fs.Path("file:" + file)))) {
          Writable k = (Writable) ReflectionUtils.newInstance(r.getKeyClass(), CONF);
          Writable v = (Writable) ReflectionUtils.newInstance(r.getValueClass(), CONF);
          while (r.next(k, v)) out.println(k + "\t" + v);
        }
        continue;
      }
      String name = file.toString();
      InputStream raw = Files.newInputStream(file);
      InputStream in = name.endsWith(".zst") ? new ZstdInputStream(raw)
          : codecs.getCodec(new org.apache.hadoop.fs.Path(name)).createInputStream(raw);
      try (BufferedReader r = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
        for (String line = r.readLine(); line != null; line = r.readLine()) out.println(line);
      }
    }
    out.flush();
  }
}
